//! etcdsh: see `cli` for what the command line means.

#![expect(clippy::disallowed_methods, reason = "the end of the program")]

fn main() {
    if let Some(code) = etcdsh::transport::answer_askpass() {
        std::process::exit(code);
    }
    std::process::exit(etcdsh::cli::main());
}
