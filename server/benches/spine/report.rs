//! The one table that is printed.

use std::fmt;

/// The rows, in the order of the measurements.
#[derive(Default)]
pub struct Report {
    measurement: &'static str,
    rows: Vec<Row>,
}

struct Row {
    measurement: &'static str,
    what: String,
    figure: String,
    goal: Option<Goal>,
}

struct Goal {
    text: String,
    met: bool,
}

impl Report {
    /// What follows is of this measurement.
    pub fn begin(&mut self, measurement: &'static str) {
        self.measurement = measurement;
    }

    /// A figure without a goal.
    pub fn note(&mut self, what: impl Into<String>, figure: impl Into<String>) {
        self.push(what.into(), figure.into(), None);
    }

    /// A figure that should be at least `goal`.
    pub fn at_least(&mut self, what: impl Into<String>, value: f64, goal: f64, unit: &str) {
        let text = format!("≥ {goal}{unit}");
        self.push(what.into(), format!("{value:.2}{unit}"), Some(Goal { text, met: value >= goal }));
    }

    /// A figure that should be below `goal`.
    pub fn below(&mut self, what: impl Into<String>, value: f64, goal: f64, unit: &str) {
        let text = format!("< {goal}{unit}");
        self.push(what.into(), format!("{value:.2}{unit}"), Some(Goal { text, met: value < goal }));
    }

    fn push(&mut self, what: String, figure: String, goal: Option<Goal>) {
        eprintln!("  {what}: {figure}");
        self.rows.push(Row { measurement: self.measurement, what, figure, goal });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = |length: fn(&Row) -> usize| self.rows.iter().map(length).max().unwrap_or(0);
        let what = longest(|row| row.what.chars().count());
        let figure = longest(|row| row.figure.chars().count());
        let mut before = "";
        for row in &self.rows {
            let name = if row.measurement == before { "" } else { row.measurement };
            before = row.measurement;
            write!(f, "{name:<9} {:<what$}  {:>figure$}", row.what, row.figure)?;
            match &row.goal {
                Some(goal) => writeln!(f, "  {:<10} {}", goal.text, if goal.met { "ok" } else { "MISSED" })?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
