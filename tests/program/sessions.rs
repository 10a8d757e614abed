//! Whole sessions: `sessions/NAME.txt` is a list of files and of commands with all they print.
//!
//! A line `--- file PATH` begins a file, which lasts up to the next line that begins with `---`; a line that begins
//! with `$ ` is a command for the shell; what follows it, up to the next one, is its output, standard error last,
//! and `[exit N]` when it is not 0. A line that begins with `# ` says what is meant. `UPDATE_GOLDEN=1` writes the
//! outputs anew; look at the difference before it is committed.

use std::fs;
use std::path::Path;

use super::Test;

fn play(name: &str) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/program/sessions/{name}.txt"));
    let golden = fs::read_to_string(&path).unwrap();
    let mut test = Test::new();
    let mut now = String::new();
    let mut lines = golden.lines().peekable();
    while let Some(line) = lines.next() {
        now.push_str(&format!("{line}\n"));
        if let Some(path) = line.strip_prefix("--- file ") {
            let mut text = String::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("---")) {
                text.push_str(&format!("{line}\n"));
            }
            now.push_str(&text);
            test = test.file(path, &text);
        } else if let Some(command) = line.strip_prefix("$ ") {
            // The old output.
            while lines
                .next_if(|line| {
                    !line.starts_with("$ ") && !line.starts_with("# ") && !line.starts_with("---")
                })
                .is_some()
            {}
            now.push_str(&test.sh(command).text());
            now.push('\n');
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &now).unwrap();
        return;
    }
    let difference = similar::TextDiff::from_lines(&golden, &now)
        .unified_diff()
        .header("as written", "as it is")
        .to_string();
    assert!(golden == now, "{name}\n{difference}");
    assert!(!test.ssh_was_called(), "{name}: a connection was wanted");
}

macro_rules! sessions {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            play(stringify!($name));
        })*

        #[test]
        fn every_session_is_played() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/sessions");
            let mut files: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            files.sort();
            assert_eq!(files, [$(concat!(stringify!($name), ".txt")),*]);
        }
    };
}

sessions!(
    default_inventory,
    help,
    identity,
    inventory,
    lists,
    mistakes,
    newcomer,
    options,
    output,
    run_locally,
    script_words,
    templates
);
