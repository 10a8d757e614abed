//! Values that hold Jinja are rendered when they are asked for, with the other variables of the host.
//!
//! Owns: what a template sees (`scope.rs`), the filters, tests and lookups of Ansible, and the error for one that fails.
//! Must not know who reads the value. Start reading at [`Inventory::var`], then `scope.rs`.

mod convert;
mod explain;
mod filter;
mod list;
mod lookup;
mod pattern;
mod render;
mod scope;
mod text;
mod version;
mod yaml;

use std::sync::Arc;

use indexmap::IndexMap;

use super::Inventory;
use super::layer::{MAGIC, Var};
use super::value::Value;
use crate::error::Result;
use scope::{Scope, World};

/// What a template of a file has beside the variables of the inventory.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Stand for variables that are not set, on every host.
    pub defaults: IndexMap<String, Value>,
    /// The name of the file, for messages. In a file a backslash escapes, as in Jinja; in a variable it is itself, as in Ansible.
    pub file: Option<String>,
    /// Win over all variables, where the template itself names them.
    pub own: IndexMap<String, Value>,
}

impl Inventory {
    /// The value of a host's variable, templates rendered; `None` when it is not set.
    pub fn var(&self, host: &str, name: &str) -> Result<Option<Value>> {
        if MAGIC.contains(&name) {
            return Ok(self.magic_vars(host).get(name).cloned());
        }
        // Asked for often: only a template needs all the variables of the host.
        let Some(var) = self.strongest(host, name) else {
            return Ok(None);
        };
        if is_ready(&var.value) {
            return Ok(Some(var.value));
        }
        self.scope(host, Given::default())
            .value_of(name, &var)
            .map(Some)
            .map_err(|failure| failure.error.on(host))
    }

    /// Render a text with the variables of a host.
    pub fn render(&self, host: &str, text: &str) -> Result<Value> {
        self.render_with(host, text, Given::default())
    }

    /// The same, with more than the variables.
    pub fn render_with(&self, host: &str, text: &str, given: Given) -> Result<Value> {
        let value = Value::from(text);
        if is_ready(&value) {
            return Ok(value);
        }
        self.scope(host, given)
            .value_of("", &Var::from(value))
            .map_err(|failure| failure.error.on(host))
    }

    fn scope(&self, host: &str, given: Given) -> Arc<Scope> {
        let world = World::new(self.whole(), given);
        Arc::new(Scope::first(&Arc::new(world), host))
    }
}

pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// Whether nothing in a value needs rendering or decrypting.
fn is_ready(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(is_ready),
        Value::Map(map) => map.values().all(is_ready),
        Value::Str(text) => !is_template(text),
        Value::Vault(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn var(yaml: &str, name: &str) -> String {
        let text = format!("all:\n  hosts: {{ h1: }}\n  vars:\n{yaml}");
        let inventory = Inventory::parse("t.yml", &text).unwrap();
        match inventory.var("h1", name) {
            Ok(Some(value)) => Value::List(vec![value]).to_text(),
            Ok(None) => "nothing".to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn expressions_keep_their_type() {
        for (expression, expected) in [
            ("'{{ n }}'", "[3]"),
            ("'{{ n }} nodes'", "['3 nodes']"),
            (
                "'{{ l | reject(\"equalto\", \"b\") | list }}'",
                "[['a', 'c']]",
            ),
            ("'{{ l | join(\",\") | upper }}'", "['A,B,C']"),
            ("'{{ nope | default(n + 1) }}'", "[4]"),
            ("'{{ \"yes\" | bool }}'", "[True]"),
            ("'{{ \"12\" | int }}'", "[12]"),
            ("'{{ m.k }}-{{ m[\"k\"] }}'", "['v-v']"),
            ("'{{ deep }}'", "['3!']"),
            ("'{% if n > 2 %}big{% else %}small{% endif %}'", "['big']"),
            (
                "'{{ true }} {{ none }} {{ 1.0 }} {{ l }}'",
                "[\"True  1.0 ['a', 'b', 'c']\"]",
            ),
            ("['{{ n }}', { k: '{{ n }}' }]", "[[3, {'k': 3}]]"),
            (
                "'{{ inventory_hostname }} {{ group_names | first }}'",
                "['h1 ungrouped']",
            ),
            ("'{{ groups.all | length }}'", "[1]"),
            ("'{{ {\"a\": 1} }}'", "[{'a': 1}]"),
            ("!unsafe '{{ n }}'", "['{{ n }}']"),
            ("'{{ broken | default(\"d\") }}'", "['d']"),
            ("'{{ l | length }}{{ l | first }}{{ l | last }}'", "['3ac']"),
            ("'{{ [3, 1, 1] | unique | sort }}'", "[[1, 3]]"),
            ("'a${b}'", "['a${b}']"),
            ("'{{ big }}'", "[123456789012345678901234567890]"),
        ] {
            let yaml = format!(
                "    n: 3\n    l: [a, b, c]\n    m: {{ k: v }}\n    deep: '{{{{ deeper }}}}!'\n    deeper: '{{{{ n }}}}'\n    broken: '{{{{ nope }}}}'\n    big: 123456789012345678901234567890\n    x: {expression}\n"
            );
            assert_eq!(var(&yaml, "x"), expected, "{expression}");
        }
    }

    #[test]
    fn mistakes_name_the_variable_and_the_place() {
        for (yaml, expected) in [
            (
                "    port: 1\n    x: '{{ prot }}'\n",
                "h1: variable `prot`, which `x` needs, is not defined\n --> t.yml:5:8\n5 |     x: '{{ prot }}'\n  |        ^\n hint: did you mean `port`?",
            ),
            (
                "    y: '{{ nope }}'\n    x: '{{ y }}'\n",
                "h1: variable `nope`, which `y` needs, is not defined\n --> t.yml:4:8\n4 |     y: '{{ nope }}'\n  |        ^\n hint: -e nope=VALUE",
            ),
            (
                "    x: '{{ y }}'\n    y: '{{ x }}'\n",
                "h1: variable `x` refers to itself\n --> t.yml:4:8\n4 |     x: '{{ y }}'\n  |        ^\n caused by: `x` needs `y` needs `x`",
            ),
            (
                "    x: '{{ 1 | regex_serch }}'\n",
                "h1: the template of `x` does not work\n --> t.yml:4:8\n4 |     x: '{{ 1 | regex_serch }}'\n  |        ^\n caused by: there is no filter `regex_serch`\n hint: did you mean `regex_search`?",
            ),
            (
                "    x: \"{{ ['a'] | select('serch', 'a') | list }}\"\n",
                "h1: the template of `x` does not work\n --> t.yml:4:8\n4 |     x: \"{{ ['a'] | select('serch', 'a') | list }}\"\n  |        ^\n caused by: there is no test `serch`\n hint: did you mean `search`?",
            ),
            (
                "    x: '{{ 1 is verson(2) }}'\n",
                "h1: the template of `x` does not work\n --> t.yml:4:8\n4 |     x: '{{ 1 is verson(2) }}'\n  |        ^\n caused by: there is no test `verson`\n hint: did you mean `version`?",
            ),
            (
                "    x: \"{{ lokup('env', 'HOME') }}\"\n",
                "h1: the template of `x` does not work\n --> t.yml:4:8\n4 |     x: \"{{ lokup('env', 'HOME') }}\"\n  |        ^\n caused by: there is no function `lokup`\n hint: did you mean `lookup`?",
            ),
            (
                "    x: \"{{ lookup('password', 'p') }}\"\n",
                "h1: there is no lookup `password`\n --> t.yml:4:8\n4 |     x: \"{{ lookup('password', 'p') }}\"\n  |        ^\n caused by: there are env, file, pipe, vars",
            ),
            (
                "    x: \"{{ lookup('pipe', 'date') }}\"\n",
                "h1: a template may not run programs\n --> t.yml:4:8\n4 |     x: \"{{ lookup('pipe', 'date') }}\"\n  |        ^\n caused by: `lookup('pipe', ...)` wants to run `date` on this machine\n hint: -e etcdsh_lookup_pipe=true",
            ),
            (
                "    x: '{{ hostvars[\"h2\"].port }}'\n",
                "h1: there is no host `h2` in the inventory, which `x` needs\n --> t.yml:4:8\n4 |     x: '{{ hostvars[\"h2\"].port }}'\n  |        ^\n hint: did you mean `h1`?",
            ),
            (
                "    x: '{{ hostvars.h1.prot }}'\n    port: 1\n",
                "h1: variable `prot` of host h1, which `x` needs, is not defined\n --> t.yml:4:8\n4 |     x: '{{ hostvars.h1.prot }}'\n  |        ^\n hint: did you mean `port`?",
            ),
            (
                "    x: '{{ hostvars.h1.x }}'\n",
                "h1: variable `x` refers to itself\n --> t.yml:4:8\n4 |     x: '{{ hostvars.h1.x }}'\n  |        ^\n caused by: `x` needs `x`",
            ),
            (
                "    m: { a: 1 }\n    x: '{{ nope | default(1) }}{{ m.b }}'\n",
                "h1: `m.b`, which `x` needs, is not defined\n --> t.yml:5:8\n5 |     x: '{{ nope | default(1) }}{{ m.b }}'\n  |        ^",
            ),
            (
                "    x: '{{ 1 | regex_search(\"(?=a)\") }}'\n",
                "h1: the template of `x` does not work\n --> t.yml:4:8\n4 |     x: '{{ 1 | regex_search(\"(?=a)\") }}'\n  |        ^\n caused by: the pattern `(?=a)` cannot be used: look-around, including look-ahead and look-behind, is not supported",
            ),
            (
                "    x: '{{ v }}'\n    v: !vault abc\n",
                "h1: variable `v` is not what ansible-vault writes\n --> t.yml:5:8\n5 |     v: !vault abc\n  |        ^\n caused by: it does not begin with `$ANSIBLE_VAULT;`",
            ),
        ] {
            assert_eq!(var(yaml, "x"), expected);
        }
    }

    #[test]
    fn only_the_command_line_lets_a_template_run_a_program() {
        let text = "all: { hosts: { h1: }, vars: { etcdsh_lookup_pipe: true, x: \"{{ lookup('pipe', 'echo a; echo b') }}\" } }";
        let mut inventory = Inventory::parse("t.yml", text).unwrap();
        assert!(inventory.var("h1", "x").is_err());
        let allow = |value: &str| vec![format!("etcdsh_lookup_pipe={value}")];
        inventory.read_extra(&allow("true")).unwrap();
        assert_eq!(inventory.var("h1", "x").unwrap(), Some(Value::from("a\nb")));
        inventory.read_extra(&allow("no")).unwrap();
        assert!(inventory.var("h1", "x").is_err());
    }

    #[test]
    fn a_file_has_its_own_values_defaults_and_lines() {
        let text = "all: { hosts: { h1: { port: 1 }, h2: } }";
        let inventory = Inventory::parse("t.yml", text).unwrap();
        let given = |own: &[(&str, i64)]| Given {
            defaults: [("port".to_string(), Value::from(2379))].into(),
            file: Some("t.j2".into()),
            own: own
                .iter()
                .map(|(name, value)| ((*name).to_string(), Value::from(*value)))
                .collect(),
        };
        let render =
            |text: &str, own: &[(&str, i64)]| match inventory.render_with("h1", text, given(own)) {
                Ok(value) => value.to_text(),
                Err(error) => error.to_string(),
            };
        assert_eq!(
            render("{{ port }} {{ hostvars.h2.port }}\n", &[]),
            "1 2379\n"
        );
        assert_eq!(
            render("{{ port }} {{ hostvars.h1.port }}", &[("port", 5)]),
            "5 1"
        );
        assert_eq!(render("{{ 'a\\tb' }}", &[]), "a\tb");
        assert_eq!(
            render("one\n{{ prot }}\n", &[]),
            "h1: variable `prot` is not defined\n --> t.j2:2\n2 | {{ prot }}\n hint: did you mean `port`?"
        );
        assert_eq!(
            render("one\n\n{% if %}\n", &[]),
            "h1: the template does not work\n --> t.j2:3\n3 | {% if %}\n caused by: syntax error: unexpected end of block"
        );
    }
}
