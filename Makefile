# `make` alone says what there is. CI (.ci/run) calls `lint` and `test`, and nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench docs dist install site torture

# Where `make install` puts it; a package sets DESTDIR, too.
PREFIX ?= /usr/local

help:
	@echo 'make demo      build, deploy three etcd members in a sandbox on this machine, put and get a key (no root, no ssh)'
	@echo 'make test      all tests, with real hosts in systemd-nspawn: needs root or sudo, an hour at most'
	@echo 'make lint      rustfmt, clippy, licences and sources of the crates, shellcheck, and what was left behind'
	@echo 'make install   build it and put it, its completions and its manual page below PREFIX (/usr/local)'
	@echo 'make dist      packages for any Linux since 2012, into dist/: needs python3 and rustup; 20 minutes'
	@echo 'make docs      write docs/primitives.md, stdlib.md and etcdctl.md from the code'
	@echo 'make site      the documents as a site, into target/site, with mdBook'
	@echo 'make bench     measure against a plain ssh script, pyinfra, Ansible and etcdctl: needs root, about 20 minutes'
	@echo 'make torture   the long proofs in full: needs root, hours; may be interrupted and started again'

demo:
	@tests/tools/setup-build
	cargo build --release --locked
	@echo
	target/release/etcdsh scripts/etcd.rhai
	@echo
	target/release/etcdsh overview --once || true
	@echo
	target/release/etcdsh --eval 'let e = etcd::client(hosts("etcd")[0]); e.put("demo", "it works"); e.get("demo")[0].value'
	@echo
	@echo 'demo: three members are running; watch them with: target/release/etcdsh overview'
	@echo 'demo: and remove them with: target/release/etcdsh sandbox rm'

test:
	@tests/tools/setup-build
	@tests/tools/setup
	cargo test --locked
	@echo 'test: all tests passed'

lint:
	@tests/tools/setup-build lint
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo deny --log-level error check bans licenses sources
	@tests/tools/dead
	@tests/tools/lint
	@echo 'lint: nothing found'

docs:
	cargo run --quiet --locked -- help --markdown >docs/primitives.md.new
	mv docs/primitives.md.new docs/primitives.md
	cargo run --quiet --locked -- help stdlib --markdown >docs/stdlib.md.new
	mv docs/stdlib.md.new docs/stdlib.md
	cargo run --quiet --locked -- help e --markdown >docs/etcdctl.md.new
	mv docs/etcdctl.md.new docs/etcdctl.md

site:
	packaging/site

install:
	cargo build --release --locked --bin etcdsh
	packaging/install target/release/etcdsh "$(DESTDIR)$(PREFIX)"

dist:
	packaging/build

bench:
	@tests/tools/setup-build
	@tests/tools/setup
	cargo build --release --locked --bins --examples
	tests/bench/run
	tests/bench/etcdctl
	tests/bench/overview
	tests/bench/console

torture:
	@tests/tools/setup-build
	@tests/tools/setup
	cargo build --locked
	ETCDCTL_FUZZ=20000 cargo test --locked random_lines
	ETCDSH_TORTURE=1 cargo test --locked etcdctl::load
	$(MAKE) dist
	ETCDSH_TORTURE=1 cargo test --locked --test all -- release:: real::patroni real::versions real::package
	tests/tools/fuzz
	tests/real/sweep full
