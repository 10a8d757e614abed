//! A YAML inventory file becomes groups and hosts.

use super::layer::{self, Var};
use super::node::{Node, Shape, Source};
use super::tree::Provenance;
use super::value::Value;
use super::{Inventory, address};
use crate::error::{Error, Result, nearest};

/// What a group may have.
const SECTIONS: [&str; 3] = ["children", "hosts", "vars"];

type Pairs = [(Node, Node)];

impl Inventory {
    pub(super) fn define(
        &mut self,
        source: &Source,
        document: Option<Node>,
        from: &Provenance,
    ) -> Result<()> {
        let Some(document) = document.filter(|document| !document.is_falsy()) else {
            return Err(Error::config("the inventory is empty")
                .at(source.spot(0, 0).place())
                .hint("it needs at least `all: { hosts: { 10.0.0.1: } }`"));
        };
        let Shape::Map(groups) = &document.shape else {
            return Err(Error::config(format!(
                "an inventory is a mapping of groups, not {}",
                document.kind()
            ))
            .at(document.at.place())
            .hint("start it with a line `all:`"));
        };
        if let Some((key, _)) = groups
            .iter()
            .find(|(key, item)| key.as_str() == Some("plugin") && !item.is_falsy())
        {
            return Err(Error::config("inventory plugins are not supported")
                .at(key.at.place())
                .hint(convert_hint(source.name())));
        }
        for (name, body) in groups {
            self.define_group(name, body, from)?;
        }
        Ok(())
    }

    fn define_group(&mut self, key: &Node, body: &Node, from: &Provenance) -> Result<()> {
        let name = group_name(key)?;
        self.add_group(name);
        let sections = match &body.shape {
            Shape::Map(sections) => sections,
            _ if body.is_null() => return Ok(()),
            _ => {
                return Err(shape_error(
                    format!("group `{name}` needs a mapping, not {}", body.kind()),
                    body,
                )
                .hint(format!("{name}: {{ hosts: {{ 10.0.0.1: }} }}")));
            }
        };
        for (section, body) in sections {
            match section.as_str() {
                Some("children") => self.define_children(name, body, from)?,
                Some("hosts") => self.define_hosts(name, body, from)?,
                Some("vars") => self.define_vars(name, body)?,
                _ => self.warn_section(name, section),
            }
        }
        Ok(())
    }

    fn warn_section(&mut self, group: &str, section: &Node) {
        let word = section.key_text();
        let begun = SECTIONS.iter().find(|known| known.starts_with(&word));
        let hint = nearest(&word, SECTIONS)
            .or(begun.copied())
            .map(|near| format!(", did you mean `{near}`?"))
            .unwrap_or_default();
        self.warnings.push(format!(
            "{}:{}: key `{word}` of group `{group}` is ignored{hint}",
            section.at.source.name(),
            section.at.line
        ));
    }

    fn define_children(&mut self, group: &str, body: &Node, from: &Provenance) -> Result<()> {
        for (child, body) in &*section_pairs(group, "children", body)? {
            self.define_group(child, body, from)?;
            self.add_child(group, group_name(child)?, &child.at)?;
        }
        Ok(())
    }

    fn define_hosts(&mut self, group: &str, body: &Node, from: &Provenance) -> Result<()> {
        for (key, vars) in &*section_pairs(group, "hosts", body)? {
            let Some(pattern) = key.as_str() else {
                return Err(Error::config(format!(
                    "host `{}` is {}, a name is text",
                    key.key_text(),
                    key.kind()
                ))
                .at(key.at.place())
                .hint(format!("quote it: '{}'", key.key_text())));
            };
            let (names, port) = address::expand(pattern).map_err(|why| {
                Error::config(format!("host `{pattern}`: {why}")).at(key.at.place())
            })?;
            let vars = host_vars(pattern, vars)?;
            for name in names {
                if name.is_empty() {
                    return Err(Error::config("a host without a name").at(key.at.place()));
                }
                self.add_host(&name, group, port.map(|port| (port, &key.at)), from);
                for (var, value) in vars {
                    self.warn_name(var, value);
                    self.set_host_var(&name, var, value)?;
                }
            }
        }
        Ok(())
    }

    fn define_vars(&mut self, group: &str, body: &Node) -> Result<()> {
        let pairs = match &body.shape {
            Shape::Map(pairs) => pairs,
            _ if body.is_null() => return Ok(()),
            _ => {
                return Err(shape_error(
                    format!(
                        "`vars` of group `{group}` needs a mapping, not {}",
                        body.kind()
                    ),
                    body,
                ));
            }
        };
        for (var, value) in pairs {
            self.warn_name(var, value);
            self.set_group_var(group, var, value)?;
        }
        Ok(())
    }

    /// Set a variable of a host. Where a group has the same name, Ansible sets it on the group.
    pub(super) fn set_host_var(&mut self, host: &str, key: &Node, value: &Node) -> Result<()> {
        if self.has_group(host) {
            return self.set_group_var(host, key, value);
        }
        if let Some(host) = self.hosts.get_mut(host) {
            host.vars.insert(key.key_text(), Var::of(key, value));
        }
        Ok(())
    }

    pub(super) fn set_group_var(&mut self, group: &str, key: &Node, value: &Node) -> Result<()> {
        let Some(group) = self.groups.get_mut(group) else {
            return Ok(());
        };
        if key.as_str() != Some("ansible_group_priority") {
            group.vars.insert(key.key_text(), Var::of(key, value));
            return Ok(());
        }
        group.priority = priority(value)?;
        Ok(())
    }

    pub(super) fn warn_name(&mut self, key: &Node, value: &Node) {
        let name = key.key_text();
        if layer::is_name(&name) && key.as_str().is_some() {
            return;
        }
        // In `{ seq:1 }` YAML sees one key without a value.
        let why = match name
            .split_once(':')
            .filter(|(word, _)| value.is_null() && layer::is_name(word))
        {
            Some((word, rest)) => {
                format!("has no space after its colon and sets nothing; write `{word}: {rest}`")
            }
            None => "is not a good name for a variable: letters, digits and `_` only".to_string(),
        };
        self.warnings.push(format!(
            "{}:{}: `{name}` {why}",
            key.at.source.name(),
            key.at.line
        ));
    }
}

fn priority(value: &Node) -> Result<i64> {
    match value.to_value() {
        Value::Bool(flag) => Some(i64::from(flag)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "cutting off is what Python's int() does"
        )]
        Value::Float(number) => Some(number.trunc() as i64),
        other => other.as_int(),
    }
    .ok_or_else(|| Error::config("`ansible_group_priority` needs an integer").at(value.at.place()))
}

pub(super) fn convert_hint(source: &str) -> String {
    format!("ansible-inventory -i {source} --list -y --export > inventory.yml")
}

fn shape_error(what: String, node: &Node) -> Box<Error> {
    Error::config(what).at(node.at.place())
}

fn group_name(key: &Node) -> Result<&str> {
    let wrong = |what: String| Error::config(what).at(key.at.place());
    match key.as_str() {
        Some("") => Err(wrong("a group without a name".to_string())),
        Some(name) => Ok(name),
        None => Err(wrong(format!(
            "group `{}` is {}, a name is text",
            key.key_text(),
            key.kind()
        ))
        .hint(format!("quote it: '{}'", key.key_text()))),
    }
}

/// The pairs of a section. A single text stands for one name with nothing in it.
fn section_pairs<'a>(
    group: &str,
    section: &str,
    body: &'a Node,
) -> Result<std::borrow::Cow<'a, Pairs>> {
    match &body.shape {
        Shape::Map(pairs) => Ok(pairs.as_slice().into()),
        Shape::Scalar(Value::Null) => Ok(Vec::new().into()),
        Shape::Scalar(Value::Str(_)) => {
            let nothing = Node {
                at: body.at.clone(),
                shape: Shape::Scalar(Value::Null),
            };
            Ok(vec![(body.clone(), nothing)].into())
        }
        _ => {
            let error = shape_error(
                format!(
                    "`{section}` of group `{group}` needs a mapping, not {}",
                    body.kind()
                ),
                body,
            );
            Err(match first_item(body) {
                Some(item) => error.hint(format!("write `{item}:` instead of `- {item}`")),
                None => error,
            })
        }
    }
}

fn first_item(body: &Node) -> Option<&str> {
    match &body.shape {
        Shape::List(items) => items.first()?.as_str(),
        _ => None,
    }
}

fn host_vars<'a>(host: &str, body: &'a Node) -> Result<&'a Pairs> {
    match &body.shape {
        Shape::Map(pairs) => Ok(pairs),
        _ if body.is_falsy() => Ok(&[]),
        _ => {
            let error = shape_error(
                format!(
                    "host `{host}` needs a mapping of variables, not {}",
                    body.kind()
                ),
                body,
            );
            let glued = body
                .as_str()
                .and_then(|text| text.split_once(':'))
                .filter(|(key, _)| layer::is_name(key));
            Err(match glued {
                Some((key, value)) => error.hint(format!("{key}: {value}")),
                None if layer::is_name(host) => error.hint(format!(
                    "indent `{host}:` further where it is a variable of the host above it"
                )),
                None => error,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_definitions_of_a_host_are_merged() {
        let yaml =
            "a: { hosts: { h: { x: 1, y: 1 } } }\nb: { hosts: { h: { y: 2 } }, vars: { z: 3 } }\n";
        let inventory = Inventory::parse("t.yml", yaml).unwrap();
        let vars = inventory.vars("h");
        assert_eq!(
            (&vars["x"], &vars["y"], &vars["z"]),
            (&Value::Int(1), &Value::Int(2), &Value::Int(3))
        );
        assert_eq!(inventory.groups_of("h"), ["a", "b"]);
    }

    #[test]
    fn an_unknown_key_of_a_group_warns_with_the_nearest() {
        let inventory = Inventory::parse("t.yml", "a:\n  host: { h: }\n  hosts: { h: }\n").unwrap();
        assert_eq!(
            inventory.warnings,
            ["t.yml:2: key `host` of group `a` is ignored, did you mean `hosts`?"]
        );
    }
}
