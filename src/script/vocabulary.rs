//! The words of the language that are no primitives: how each is called and what it means, for help and documents.
//!
//! A test compares this table with what the other files of the room register.

/// A function, or a property of a value.
pub struct Word {
    /// One line or more; the first one stands alone.
    pub doc: &'static str,
    pub name: &'static str,
    pub section: Section,
    pub signature: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Play,
    Host,
    Flow,
    Saying,
    Etcd,
    Cert,
    Text,
    Stdlib,
}

impl Section {
    /// In the order of the manual.
    pub const ALL: [Section; 8] = [
        Section::Play,
        Section::Host,
        Section::Flow,
        Section::Saying,
        Section::Etcd,
        Section::Cert,
        Section::Text,
        Section::Stdlib,
    ];

    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Section::Cert => "Certificates",
            Section::Etcd => "etcd",
            Section::Flow => "Several hosts, waiting, other scripts",
            Section::Host => "Hosts and inventory",
            Section::Play => "Play, tasks, groups",
            Section::Saying => "Messages, questions, errors, check mode",
            Section::Stdlib => "For the stdlib",
            Section::Text => "Texts",
        }
    }
}

const fn word(
    section: Section,
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
) -> Word {
    Word {
        doc,
        name,
        section,
        signature,
    }
}

use Section::{Cert, Etcd, Flow, Host, Play, Saying, Stdlib, Text};

/// Every word, in the order of the manual.
pub const ALL: &[Word] = &[
    word(
        Play,
        "play",
        "play(name, hosts, #{ become: true })",
        "Say which hosts the tasks run on: a pattern, an array of hosts, or a map of clusters to hosts.\nA script has one. `become` (default: as -b says) makes the run root. What `-l` leaves out is left out here.",
    ),
    word(
        Play,
        "task",
        "task(name, description, #{ ... }, |h| ...)",
        "Declare work on each host of the play, on up to `-f` hosts at once.\nOptions: `serial` (hosts at once; the first failure leaves the rest alone), `on` (a pattern or hosts instead of the play's), `alias` (more tags), `variant` (more tags that mean something else: the body asks `named_tag`), `always` (runs whatever tags are selected), `fail: \"warn\"` (a failure is a warning). The name is a tag.",
    ),
    word(
        Play,
        "cluster_task",
        "cluster_task(name, description, #{ ... }, |members| ...)",
        "Declare work on each cluster of the play, with its selected hosts as an array; clusters side by side.\nOptions as for `task`.",
    ),
    word(
        Play,
        "group",
        "group(name, description, #{ ... }, || { task(...); task(...); })",
        "Give tasks a common tag. Option: `alias` (more of them); the map may be left out.",
    ),
    word(
        Play,
        "as_root",
        "as_root()",
        "Become root on the hosts of this script, when it has no `play`.",
    ),
    word(
        Host,
        "hosts",
        "hosts(pattern)",
        "The hosts of a pattern, within `-l`, as an array.",
    ),
    word(
        Host,
        "host",
        "host(name)",
        "One host of the inventory, whatever `-l` says.",
    ),
    word(
        Host,
        "group_hosts",
        "group_hosts(group)",
        "All hosts of a group, whatever `-l` says; none when there is no such group.",
    ),
    word(
        Host,
        "group_vars",
        "group_vars(group)",
        "The variables that a group itself sets, without those of its parents.",
    ),
    word(
        Host,
        "inventory_groups",
        "inventory_groups()",
        "The names of all groups.",
    ),
    word(
        Host,
        "inventory_clusters",
        "inventory_clusters()",
        "The clusters of the inventory: their names, each with its hosts. `etcd::clusters()` checks them as well.",
    ),
    word(
        Host,
        "is_selected",
        "is_selected(h)",
        "Is the host within `-l`?",
    ),
    word(
        Host,
        "name",
        "h.name",
        "The name of the host in the inventory.",
    ),
    word(
        Host,
        "address",
        "h.address",
        "Its IP address: its name when that is one, else `ansible_host`, else what the name resolves to.",
    ),
    word(
        Host,
        "member",
        "h.member",
        "The member of etcd that its variables make it: `name`, `cluster`, `client_url`, `peer_url` and `endpoint`, which is the client URL without its scheme.",
    ),
    word(
        Host,
        "vars",
        "h.vars.NAME",
        "A variable; a declared parameter has its type and default. A name that is not set is an error.\n`\"NAME\" in h.vars` asks.",
    ),
    word(
        Host,
        "var",
        "h.var(name, default)",
        "A variable, or `default` when it is not set.",
    ),
    word(
        Host,
        "facts",
        "h.facts",
        "What was found out about the host, once: `os.{id,family,version,codename,name}`, `arch`, `kernel`, `hostname`, `cpus`, `memory_mib`, `addresses`, `init`, `package_tool`, `user`, `machine_id`.",
    ),
    word(Host, "groups", "h.groups", "The names of its groups."),
    word(
        Host,
        "path",
        "h.path(path)",
        "A path as the host calls it: below its folder in a sandbox, else unchanged. Use it wherever a path goes into a text.",
    ),
    word(
        Host,
        "changes",
        "h.changes",
        "How many changes this run has made to the host.",
    ),
    word(
        Host,
        "trips",
        "h.trips",
        "How many round trips this run has made to the host.",
    ),
    word(
        Host,
        "note",
        "h.note(key, value)",
        "Keep a value with the host until the end of the run.",
    ),
    word(
        Host,
        "noted",
        "h.noted(key)",
        "What was kept with `note`, or `()`.",
    ),
    word(
        Host,
        "origin",
        "origin(h, name)",
        "The file, line and column that a variable comes from, or an empty text.",
    ),
    word(
        Flow,
        "parallel",
        "parallel(items, |item| ...)",
        "Call a function for each item, `-f` at once, and return the results in order. The first error counts.",
    ),
    word(
        Flow,
        "wait_until",
        "wait_until(timeout, what, || ...)",
        "Call a function again and again until it returns true or `()`; a text says what is still missing.\nFails when the time is up.",
    ),
    word(
        Flow,
        "sleep",
        "sleep(time)",
        "Sleep for a time such as \"500ms\"; Ctrl-C wakes it.",
    ),
    word(
        Flow,
        "run",
        "run(script, #{ limit: pattern, tags: \"a,b\", vars: #{ ... } })",
        "Run another script over the same connections. With a host, `h.run(...)`, it is the primitive.",
    ),
    word(
        Flow,
        "fetch_to",
        "fetch_to(h, path, target)",
        "Copy a file of the host, of any size, to a file beside the inventory.",
    ),
    word(Saying, "say", "say(h, text)", "Print a line about a host."),
    word(Saying, "warn", "warn(text)", "Print a warning."),
    word(
        Saying,
        "fail",
        "fail(h, text, #{ because: [...], hint: text })",
        "End the task with an error; the host and the options may be left out.\nFurther options: `log` (quoted as it is), `unknown: true` (something could not be told).",
    ),
    word(
        Saying,
        "message",
        "error.message",
        "Of what `catch (error)` caught: its first line. Beside it `what`, `host`, `kind`, `causes` and `text` (all of it).",
    ),
    word(
        Saying,
        "what",
        "error.what",
        "The message without the host.",
    ),
    word(
        Saying,
        "kind",
        "error.kind",
        "One of config, connect, etcd, internal, remote, unknown, usage.",
    ),
    word(
        Saying,
        "causes",
        "error.causes",
        "Why, from the outside in.",
    ),
    word(
        Saying,
        "text",
        "error.text",
        "The whole error as it would be printed.",
    ),
    word(
        Saying,
        "confirm",
        "confirm(question, word)",
        "Ask for `word` to be typed; `-y` answers. Without a terminal and `-y` it fails. Silent in check mode.",
    ),
    word(
        Saying,
        "checking",
        "checking()",
        "Is this a dry run (`-C`)?",
    ),
    word(
        Saying,
        "unknown",
        "unknown(h, subject, why)",
        "Say that only the real run can tell.",
    ),
    word(
        Saying,
        "selected",
        "selected(tag)",
        "Is a task with this tag selected by `-t` and `--skip-tags`?",
    ),
    word(
        Saying,
        "named_tag",
        "named_tag(tag)",
        "Was this very tag given to `-t`?",
    ),
    word(
        Etcd,
        "etcdctl",
        "etcdctl(#{ endpoints: [...], name: text, timeout: \"5s\", user: text, password: secret, tls: true })",
        "A client of etcd. With `tls` (default) it uses the CA and the admin certificate beside the inventory.\n`etcd::client(h)` makes one for the cluster of a host.",
    ),
    word(
        Etcd,
        "cluster_status",
        "cluster_status(name, #{ over: \"0s\", drift: false })",
        "Look at a cluster now, as `etcdsh overview -o json` does: a map with `verdict` (`healthy`, `degraded`, `no_quorum`, `unreachable`), `voters`, `quorum`, `up`, `tolerance`, `leader`, `leader_since`, `term`, `revision`, `findings` (maps with `grade`, `member`, `text`, `next`) and `members`, a map each with role, health, raft state, sizes, latencies, rates and days of its certificate; `()` for what is not known.\nThe name may be left out when the inventory has one cluster, or the selected hosts belong to one. `over` looks twice with this much time between, which rates need; `drift` compares the hosts with the inventory. Fails when the inventory has no such cluster; members that do not answer are in the result.",
    ),
    word(
        Etcd,
        "overview",
        "overview(name)",
        "Say what `etcdsh overview --once` says: members, roles, health, latencies, and what is wrong with what to type next.",
    ),
    word(
        Etcd,
        "put",
        "e.put(key, value)",
        "Put a key; returns `revision`.",
    ),
    word(
        Etcd,
        "get",
        "e.get(key, #{ prefix, limit, rev, keys_only, count_only, serializable, range_end })",
        "Get keys: an array of maps with `key`, `value`, `create_revision`, `mod_revision`, `version` and `lease`.",
    ),
    word(
        Etcd,
        "delete",
        "e.delete(key, #{ prefix: true })",
        "Delete keys; returns how many there were.",
    ),
    word(
        Etcd,
        "status",
        "e.status()",
        "One map per endpoint: `endpoint`, `ok`, and `version`, `is_leader`, `leader`, `learner`, `member_id`, `db_size`, `raft_index`, `errors` and more, or `why`.",
    ),
    word(
        Etcd,
        "health",
        "e.health()",
        "One map per endpoint: `endpoint`, `healthy` (reads through the quorum) and `why`.",
    ),
    word(
        Etcd,
        "member_list",
        "e.member_list()",
        "The members: maps with `id` (hex text), `name`, `peer_urls`, `client_urls` and `learner`.",
    ),
    word(
        Etcd,
        "member_add",
        "e.member_add([url], #{ learner: true })",
        "Add a member; returns its map.",
    ),
    word(
        Etcd,
        "member_remove",
        "e.member_remove(id)",
        "Remove a member.",
    ),
    word(
        Etcd,
        "member_promote",
        "e.member_promote(id)",
        "Make a learner a voter; fails while it is not in sync.",
    ),
    word(
        Etcd,
        "move_leader",
        "e.move_leader(id)",
        "Let another member lead. The client's first endpoint must be the leader.",
    ),
    word(
        Etcd,
        "snapshot_save",
        "e.snapshot_save(path)",
        "Save a snapshot in a file beside the inventory; returns `path` and `bytes`.",
    ),
    word(
        Etcd,
        "command",
        "e.command(line)",
        "Run an everyday line of etcdctl, such as \"get --prefix /pg\" or \"member list\", and return what etcdctl prints.",
    ),
    word(Etcd, "endpoints", "e.endpoints", "The client's endpoints."),
    word(
        Cert,
        "cert::ca",
        "cert::ca(folder)",
        "The CA in `folder/NAME.crt` and `.key` beside the inventory, where NAME is the folder's own; made when there is none.",
    ),
    word(
        Cert,
        "issue",
        "ca.issue(name, #{ sans: [...], days, organization, unit, folder })",
        "The certificate `files/pki/etcd/NAME.crt` (or of `folder`) beside the inventory: as found when it serves, else issued.\nReturns `cert`, `key` (a secret), `ca`, `days_left`, `changed` and `reason`.",
    ),
    word(Cert, "cert", "ca.cert", "The CA's certificate as text."),
    word(
        Cert,
        "cert::text",
        "cert::text(path)",
        "The certificate in a file beside the inventory as text, or `()` when there is no such file.",
    ),
    word(
        Cert,
        "cert::ca_text",
        "cert::ca_text(folder)",
        "The CA's certificate as text, or `()` when there is no CA. Makes none.",
    ),
    word(
        Cert,
        "cert::inspect",
        "cert::inspect(pem)",
        "What a certificate says: `subject`, `issuer`, `sans`, `days_left`, `is_ca`, `serial`, `fingerprint`, `not_before`, `not_after`.",
    ),
    word(
        Cert,
        "cert::verify",
        "cert::verify(pem, ca_pem)",
        "True when the CA has signed the certificate and it is valid now; an error otherwise.",
    ),
    word(
        Cert,
        "cert::same_ca",
        "cert::same_ca(pem, pem)",
        "Are these the certificates of one CA key?",
    ),
    word(
        Text,
        "secret",
        "secret(text)",
        "A text that is never shown.",
    ),
    word(Text, "yaml", "yaml(value)", "A value as YAML."),
    word(Text, "from_yaml", "from_yaml(text)", "A value from YAML."),
    word(
        Text,
        "yaml_block",
        "yaml_block(text, key, name, items)",
        "The YAML `text` with a marked block of `items` at the head of its top-level list `key`: put there, replaced, or with an empty text taken out.\nAll else stays as it is, comments too; fails when that cannot be.",
    ),
    word(
        Text,
        "bundled",
        "bundled(path)",
        "A text that is inside the program, such as `stdlib/monitor/etcd-rules.yml`.",
    ),
    word(Text, "parse_json", "parse_json(text)", "A value from JSON."),
    word(
        Text,
        "join",
        "array.join(between)",
        "The texts of an array with a text between them.",
    ),
    word(
        Text,
        "quote",
        "quote(text)",
        "A text as one word of a shell command.",
    ),
    word(
        Text,
        "nearest",
        "nearest(word, known)",
        "The word of an array that was probably meant, or an empty text.",
    ),
    word(
        Text,
        "now",
        "now()",
        "The local time as text, such as 20261123T044753: for names of files.",
    ),
    word(
        Text,
        "beside",
        "beside(path)",
        "A path beside the inventory.",
    ),
    word(
        Stdlib,
        "parameters",
        "parameters([#{ name, type, default, doc }])",
        "Declare parameters: variables with a type, a default and a meaning.\nTypes: bool, days, int, map, path, port, size, text, texts, or words such as `new|existing`.",
    ),
    word(
        Stdlib,
        "wrong_parameters",
        "wrong_parameters(h)",
        "What is wrong with the declared parameters of a host, a line each.",
    ),
    word(
        Stdlib,
        "unknown_parameters",
        "unknown_parameters(h, prefix)",
        "Variables of a host that begin with `prefix` and are no parameters, a line each.",
    ),
    word(
        Stdlib,
        "identity_mistakes",
        "identity_mistakes(hosts)",
        "What is wrong with the identity of the hosts of one cluster: their names, each with its lines.",
    ),
    word(
        Stdlib,
        "cluster_login",
        "cluster_login(h)",
        "`user` and `password` of the cluster of a host, as `etcdctl` takes them; an empty map when nobody logs in.",
    ),
    word(
        Stdlib,
        "look_at_etcd",
        "h.look_at_etcd(#{ ... })",
        "What etcd there is on the host, in one round trip; `etcd::look(h)` calls it.",
    ),
    word(
        Stdlib,
        "pretends",
        "h.pretends(thing)",
        "Has this dry run changed a path, `unit:NAME` or a service on the host?",
    ),
];

/// The words called `name`, with or without a module or a value before it.
pub fn find(name: &str) -> impl Iterator<Item = &'static Word> {
    ALL.iter().filter(move |word| word.name == name)
}
