//! Whether a folder lies on another computer. SQLite's WAL needs memory shared between processes, which network file
//! systems do not give, and their locks lie.
//!
//! Two questions, because neither alone tells: `statfs` knows the kernel's own network file systems by a magic number,
//! where there is no `/proc` too; the type in `/proc/self/mountinfo` names those that run as a program (FUSE), which
//! share one number with local ones. macOS numbers its file systems as they are loaded; there `statfs` itself tells the
//! type, and whether it is local.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// By the magic number of `statfs`.
#[cfg(any(test, not(target_os = "macos")))]
const MAGIC: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "SMB (CIFS)"),
    (0xFE53_4D42, "SMB"),
    (0x0102_1997, "9P"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x564C, "NCP"),
];

/// By the type that the file system was mounted with.
const TYPES: &[(&str, &str)] = &[
    ("nfs", "NFS"),
    ("nfs4", "NFS"),
    ("cifs", "SMB (CIFS)"),
    ("smb3", "SMB"),
    ("smbfs", "SMB"),
    ("9p", "9P"),
    ("afpfs", "AFP"),
    ("afs", "AFS"),
    ("ceph", "Ceph"),
    ("coda", "Coda"),
    ("ncpfs", "NCP"),
    ("davfs", "WebDAV"),
    ("webdav", "WebDAV"),
    ("glusterfs", "GlusterFS"),
    ("lustre", "Lustre"),
    ("fuse.ceph", "Ceph"),
    ("fuse.ceph-fuse", "Ceph"),
    ("fuse.curlftpfs", "FTP"),
    ("fuse.davfs", "WebDAV"),
    ("fuse.gcsfuse", "Google Cloud Storage"),
    ("fuse.glusterfs", "GlusterFS"),
    ("fuse.juicefs", "JuiceFS"),
    ("fuse.mount-s3", "S3"),
    ("fuse.mountpoint-s3", "S3"),
    ("fuse.rclone", "rclone"),
    ("fuse.s3fs", "S3"),
    ("fuse.sshfs", "SSHFS"),
];

/// What kind of share the folder is on, or would be if it were made; none for a local disk.
pub(super) fn under(dir: &Path) -> Option<&'static str> {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let existing = absolute.ancestors().find(|path| path.exists())?;
    if let Ok(fs) = rustix::fs::statfs(existing)
        && let Some(kind) = of_statfs(&fs)
    {
        return Some(kind);
    }
    // Where there is no such file, `statfs` has the only word.
    let mounts = std::fs::read("/proc/self/mountinfo").ok()?;
    of_type(type_under(&mounts, &existing.canonicalize().ok()?)?)
}

#[cfg(not(target_os = "macos"))]
fn of_statfs(fs: &rustix::fs::StatFs) -> Option<&'static str> {
    of_magic(fs.f_type as u64)
}

#[cfg(target_os = "macos")]
fn of_statfs(fs: &rustix::fs::StatFs) -> Option<&'static str> {
    let name: Vec<u8> = fs.f_fstypename.iter().map(|c| *c as u8).take_while(|byte| *byte != 0).collect();
    of_flags(fs.f_flags, &name)
}

/// What macOS tells: the mount's flags, and its type's name. Whatever is not local is a share, whether we know it or not.
#[cfg(any(test, target_os = "macos"))]
fn of_flags(flags: u32, name: &[u8]) -> Option<&'static str> {
    /// `MNT_LOCAL` of `sys/mount.h`: the file system is stored on this computer.
    const LOCAL: u32 = 0x1000;
    (flags & LOCAL == 0).then(|| of_type(name).unwrap_or("network"))
}

/// The kernel's field is signed on some machines, so only the low 32 bits count.
#[cfg(any(test, not(target_os = "macos")))]
fn of_magic(magic: u64) -> Option<&'static str> {
    MAGIC.iter().find(|(known, _)| *known == magic & 0xFFFF_FFFF).map(|(_, name)| *name)
}

fn of_type(name: &[u8]) -> Option<&'static str> {
    TYPES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, name)| *name)
}

/// The type of the file system that holds `path` (absolute, without links), by the lines of `/proc/self/mountinfo`: the
/// one that is mounted deepest, and of two in one place the later one, which hides the other.
fn type_under<'a>(mounts: &'a [u8], path: &Path) -> Option<&'a [u8]> {
    let mut found: Option<(PathBuf, &[u8])> = None;
    for (place, kind) in mounts.split(|byte| *byte == b'\n').filter_map(mount) {
        let deeper = found.as_ref().is_none_or(|(deepest, _)| place.starts_with(deepest));
        if deeper && path.starts_with(&place) {
            found = Some((place, kind));
        }
    }
    found.map(|(_, kind)| kind)
}

/// Where a line's file system is mounted, and its type (proc_pid_mountinfo(5)):
/// `36 35 98:0 /root /place options shared:1 … - type source options`.
fn mount(line: &[u8]) -> Option<(PathBuf, &[u8])> {
    let mut fields = line.split(|byte| *byte == b' ');
    let place = fields.nth(4)?;
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some((unescaped(place), kind))
}

/// A path with its spaces, tabs, line breaks and backslashes, which are written as `\040` and the like.
fn unescaped(text: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.first_chunk().filter(|_| byte == b'\\').and_then(octal);
        path.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(OsString::from_vec(path))
}

fn octal(digits: &[u8; 3]) -> Option<u8> {
    let text =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    u8::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines of real machines: a Debian laptop, a NAS client, a WSL, a container, a host with Ceph.
    const MOUNTS: &str = "\
22 29 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw,errors=remount-ro
31 29 8:1 / /boot/efi rw,relatime shared:31 - vfat /dev/sda1 rw,fmask=0077,dmask=0077,codepage=437
95 29 0:45 / /mnt/nas rw,relatime shared:51 - nfs4 192.168.1.5:/volume1/home rw,vers=4.2,rsize=131072,hard
96 29 0:46 / /mnt/old rw,relatime shared:52 - nfs 192.168.1.5:/old rw,vers=3
97 29 0:47 / /mnt/win\\040share rw,relatime shared:53 - cifs //fs/team\\040data rw,vers=3.1.1,username=ann
98 29 0:48 / /mnt/smb rw - smb3 //fs/x rw
99 29 0:60 / /home/ann/remote rw,nosuid,nodev,relatime shared:360 - fuse.sshfs ann@host:/srv rw,user_id=1000,group_id=1000
100 29 0:61 / /home/ann/drive rw,nosuid,nodev,relatime shared:361 - fuse.rclone gdrive: rw,user_id=1000,group_id=1000
101 29 0:62 / /home/ann/bucket rw,nosuid,nodev,relatime shared:362 - fuse.s3fs s3fs rw,user_id=0,allow_other
102 29 0:63 / /home/ann/vault rw,nosuid,nodev,relatime shared:363 - fuse.gocryptfs /home/ann/.vault rw,user_id=1000
103 29 8:17 / /media/ann/stick rw,nosuid,nodev,relatime shared:364 - fuseblk /dev/sdb1 rw,user_id=0,blksize=4096
104 29 0:64 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\134;uid=1000
105 29 0:65 / /afs rw,relatime shared:365 - afs none rw,dyn
106 29 0:66 /volumes/a /srv/ceph rw,relatime shared:366 master:2 propagate_from:1 - ceph 10.0.0.1:6789:/volumes/a rw,acl
107 95 254:1 /var/scratch /mnt/nas/scratch rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw
108 29 0:67 / /mnt/auto rw,relatime shared:367 - autofs systemd-1 rw,fd=54,direct
109 108 0:68 / /mnt/auto rw,relatime shared:368 - nfs4 nas:/auto rw,vers=4.2
110 29 0:69 / /mnt/nasty rw,relatime shared:369 - ext4 /dev/sdc1 rw
";

    fn kind_of(path: &str) -> Option<&'static str> {
        of_type(type_under(MOUNTS.as_bytes(), Path::new(path)).unwrap())
    }

    #[test]
    fn shares_are_known_by_the_type_of_the_deepest_mount() {
        for (path, kind) in [
            ("/home/ann/.patze-control", None),
            ("/mnt/nas/patze", Some("NFS")),
            ("/mnt/nas", Some("NFS")),
            ("/mnt/nasty/patze", None),
            ("/mnt/nasal", None),
            ("/mnt/nas/scratch/patze", None),
            ("/mnt/old/x", Some("NFS")),
            ("/mnt/win share/x", Some("SMB (CIFS)")),
            ("/mnt/smb", Some("SMB")),
            ("/home/ann/remote/x", Some("SSHFS")),
            ("/home/ann/drive", Some("rclone")),
            ("/home/ann/bucket/a/b", Some("S3")),
            ("/home/ann/vault/x", None),
            ("/media/ann/stick", None),
            ("/mnt/c/Users/ann", Some("9P")),
            ("/afs/example.org", Some("AFS")),
            ("/srv/ceph/x", Some("Ceph")),
            ("/mnt/auto/x", Some("NFS")),
        ] {
            assert_eq!(kind_of(path), kind, "{path}");
        }
    }

    #[test]
    fn the_place_is_written_with_escapes() {
        for (text, path) in [
            ("/a\\040b", "/a b"),
            ("/a\\011\\012\\134", "/a\t\n\\"),
            ("/a\\04", "/a\\04"),
            ("/a\\999", "/a\\999"),
            ("/a\\+12", "/a\\+12"),
            ("/\\303\\244", "/ä"),
        ] {
            assert_eq!(unescaped(text.as_bytes()), Path::new(path), "{text}");
        }
    }

    #[test]
    fn this_machines_own_list_is_read() {
        let mounts = std::fs::read("/proc/self/mountinfo").unwrap();
        assert_eq!(type_under(&mounts, Path::new("/proc/self/status")), Some(&b"proc"[..]));
        assert!(type_under(&mounts, Path::new("/")).is_some());
        assert_eq!(under(Path::new("/proc/nowhere/at/all")), None);
    }

    #[test]
    fn network_file_systems_are_known_by_their_magic() {
        assert_eq!(of_magic(0x6969), Some("NFS"));
        assert_eq!(of_magic(0xFF53_4D42), Some("SMB (CIFS)"));
        assert_eq!(of_magic(0xFFFF_FFFF_FF53_4D42), Some("SMB (CIFS)"), "sign-extended");
        for local in [
            0xEF53,      /* ext4 */
            0x9123_683E, /* btrfs */
            0x5846_5342, /* xfs */
            0x0102_1994, /* tmpfs */
            0x6573_5546, /* FUSE, which may be either */
        ] {
            assert_eq!(of_magic(local), None);
        }
    }

    /// `MNT_LOCAL` (0x1000) among others, or not.
    #[test]
    fn on_macos_whatever_is_not_local_is_a_share() {
        for (flags, name, kind) in [
            (0x0480_D000, "apfs", None),
            (0x0020_9018, "msdos", None),
            (0x0000_0018, "smbfs", Some("SMB")),
            (0x0000_0018, "nfs", Some("NFS")),
            (0x0000_0018, "afpfs", Some("AFP")),
            (0x0000_0018, "webdav", Some("WebDAV")),
            (0x0000_0018, "macfuse", Some("network")),
        ] {
            assert_eq!(of_flags(flags, name.as_bytes()), kind, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_list_breaks_it(mounts in proptest::collection::vec(any::<u8>(), 0..300), path in "/[a-z /]{0,20}") {
            type_under(&mounts, Path::new(&path));
        }
    }
}
