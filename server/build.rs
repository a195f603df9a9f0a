//! The page is embedded by the names of its files, which have their hashes: a page that was built anew is another set of
//! files, which only a look at the folder finds.

fn main() {
    println!("cargo:rerun-if-changed=../desktop/ui/dist");
}
