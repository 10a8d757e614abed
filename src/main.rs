//! etcdsh: see `cli` for what the command line means.

fn main() {
    if let Some(code) = etcdsh::transport::answer_askpass() {
        std::process::exit(code);
    }
    std::process::exit(etcdsh::cli::main());
}
