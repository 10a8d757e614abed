//! How root goes to a folder of a host, and works in it, where another account may write: the shell of it.
//!
//! `/etc/etcd` and the data belong to the account `etcd`, which may put a link in the place of anything there at any
//! time. So scripts go into a folder (`reach`) and take names from where they stand; a link is followed only where nobody
//! else could have put it; and what is made or changed by its name is so in a folder of its own on the same file system
//! that nobody else may enter (`stage`). Knows no primitive. Start reading at [`FUNCTIONS`].

use crate::command::quote;
use crate::error::{Error, Hint, Kind};
use crate::transport::Output;

/// How a script ends that met a link which another account may have made.
const FOREIGN: i32 = 166;

/// What scripts call:
///
/// - `reach FOLDER [make]`: stand in it; with `make` it is made where it is absent. Fails where it is not there.
/// - `follow PATH`: stand in the folder of the file that it leads to, whose name is then `$name`.
/// - `alone [LINK]`: can nobody else have put anything, or that link, where the shell stands?
/// - `stage NAME`: stand in a new folder that only this account may enter; `leave` removes it again.
///
/// `cd -P` gives `PWD` the path that the kernel tells of the folder, so that one comparison proves the whole way, and
/// the folder stays the same one whatever becomes of its name. In a sticky folder a link is its owner's.
const FUNCTIONS: &str = r#"alone() {
set -- "$1" $(stat -c '%u %a' .) $(id -u)
[ $# = 4 ] || return
case $2 in 0 | $4) ;; *) return 1 ;; esac
case $3 in *[2367]? | *[2367]) ;; *) return 0 ;; esac
case $3 in [1357]???) ;; *) return 1 ;; esac
[ -n "$1" ] && case $(stat -c %u "./$1") in 0 | $4) ;; *) return 1 ;; esac
}
foreign() { echo "$1 is a link that another account may have made" >&2; exit 166; }
reach() {
cd -P -- "$1" 2>/dev/null && [ "$PWD" = "$1" ] && return
left=$1 hops=40; cd / || return
while [ -n "$left" ]; do
step=${left%%/*}
case $left in */*) left=${left#*/} ;; *) left= ;; esac
case $step in '' | .) continue ;; ..) cd -P .. || return; continue ;; esac
here=${PWD%/}/$step
if [ -L "./$step" ]; then
alone "$step" || foreign "$here"
hops=$((hops - 1)); [ $hops -gt 0 ] && to=$(readlink "./$step") || return
case $to in /*) cd / ;; esac
left=$to/$left
else
[ -z "$2" ] || [ -e "./$step" ] || mkdir -m 0755 "./$step" || return
cd -P "./$step" 2>/dev/null || return
[ "$PWD" = "$here" ] || foreign "$here"
fi
done
}
follow() {
path=$1 turns=40
while :; do
name=${path##*/} folder=${path%/*}
reach "${folder:-/}" || return
[ -L "./$name" ] || return 0
alone "$name" || foreign "${PWD%/}/$name"
turns=$((turns - 1)); [ $turns -gt 0 ] && to=$(readlink "./$name") || return
case $to in /*) path=$to ;; *) path=${PWD%/}/$to ;; esac
done
}
stage() {
staged=
for old in ".$1".??????????.etcdsh; do [ ! -d "$old" ] || rm -rf "./$old"; done
new=$(mktemp -d "./.$1.XXXXXXXXXX.etcdsh") && here=${PWD%/}/${new#./} && cd -P "$new" || return
[ "$PWD" = "$here" ] && [ -O . ] || foreign "$here"
staged=$new
}
leave() { [ -z "$staged" ] || { cd -P .. && rm -rf "$staged"; }; }
"#;

/// The folder a path lies in, and its name there.
fn parts(path: &str) -> (&str, &str) {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some(parts) => parts,
        None => ("/", "."),
    }
}

/// The path as a script has it that stands in its folder; quoted.
pub(super) fn name(path: &str) -> String {
    quote(&format!("./{}", parts(path).1))
}

/// The same from within a stage.
pub(super) fn name_above(path: &str) -> String {
    quote(&format!("../{}", parts(path).1))
}

/// A condition: the folder of `path` is there, and the script stands in it.
pub(super) fn beside(path: &str) -> String {
    format!("reach {}", quote(parts(path).0))
}

/// A script that may call what [`FUNCTIONS`] has.
pub(super) fn with_functions(script: &str) -> String {
    format!("{FUNCTIONS}{script}")
}

/// A script that stands in the folder of `path`, or fails.
pub(super) fn in_folder(path: &str, script: &str) -> String {
    standing(parts(path).0, "", script)
}

/// A script that stands in `folder`, or fails; with `make` it is made with those above it.
pub(super) fn standing(folder: &str, make: &str, script: &str) -> String {
    let quoted = quote(folder);
    with_functions(&format!(
        "umask 077; reach {quoted} {make} || {{ echo {quoted}: cannot be entered >&2; exit 1; }}\n{script}"
    ))
}

/// A script that does `steps` in a stage beside `path` and leaves it; when one fails, it does `otherwise` and fails.
pub(super) fn staged(path: &str, steps: &[String], otherwise: &str) -> String {
    let name: String = parts(path).1.chars().take(48).collect();
    let script = format!(
        "{{ stage {} && {}; }} || {{ status=$?; leave; {otherwise}exit $status; }}\nleave",
        quote(&name),
        steps.join(" && "),
    );
    in_folder(path, &script)
}

/// Prints the file `$name` of the folder where the script stands, and follows no link.
pub(super) const PRINT: &str = "dd if=\"./$name\" iflag=nofollow,nonblock bs=1M status=none";

/// A script that prints a piece of the file `path`, read through no link that another account may have made.
pub(crate) fn piece(path: &str, size: usize, nth: usize) -> String {
    with_functions(&format!(
        "follow {} && dd if=\"./$name\" iflag=nofollow,nonblock,fullblock bs={size} skip={nth} count=1 status=none",
        quote(path)
    ))
}

/// The error of a script that met a link which another account may have made.
pub(crate) fn refused(subject: &str, output: &Output) -> Option<Box<Error>> {
    let met = output
        .stderr
        .lines()
        .find(|line| line.ends_with(" may have made"));
    let met = met.filter(|_| output.status == FOREIGN)?;
    let link = met.split(" is a link that ").next().unwrap_or_default();
    Some(
        Error::new(
            Kind::Refused,
            format!("{subject} is reached through a link that may not be trusted"),
        )
        .because(met.to_string())
        .hint(Hint::OnHost(format!("ls -ld {}", quote(link)))),
    )
}
