//! A line of etcdctl: its words, its command with the flags, and what could be typed next. Nothing is carried out.

#![no_main]

use etcdsh::etcdctl::{Style, commands, is_command, meaning, next};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(commands) = commands(text) else { return };
    for strict in [false, true] {
        let style = Style::of_process("etcdctl", strict);
        for words in &commands {
            let known = meaning(words, &style).is_some();
            assert!(!known || is_command(words, &style), "{words:?}");
            for place in 0..words.len() {
                let word = String::from_utf8_lossy(&words[place]);
                let _ = next(&words[..place], &word, &style);
            }
        }
    }
});
