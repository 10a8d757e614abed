//! A marked block in a list of somebody else's YAML file: put in, replaced or taken out as text, so that comments,
//! order and quoting of all else stay. What came out is read again: it must say the old list and the items, no more.

use indexmap::IndexMap;

use crate::error::{Error, Result};
use crate::inventory::{Value, parse_value};

type Mapping = IndexMap<String, Value>;

fn marks(name: &str) -> (String, String) {
    (
        format!("# managed by etcdsh: {name}"),
        format!("# end of {name}, managed by etcdsh"),
    )
}

fn read(text: &str, what: &str) -> Result<Mapping> {
    match parse_value(what, text) {
        Ok(Value::Null) => Ok(Mapping::new()),
        Ok(Value::Map(map)) => Ok(map),
        Ok(_) => Err(Error::config(format!("{what} is no map"))),
        Err(error) => Err(Error::config(format!("{what} is no YAML")).because(error.what)),
    }
}

fn list(map: &Mapping, key: &str) -> Result<Vec<Value>> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::List(items)) => Ok(items.clone()),
        Some(_) => Err(Error::config(format!("`{key}` is no list"))),
    }
}

/// Lines without the block, and where it began.
fn without<'a>(lines: &[&'a str], name: &str) -> Result<(Vec<&'a str>, Option<usize>)> {
    let (begin, end) = marks(name);
    let at = |mark: &str| lines.iter().position(|line| line.trim() == mark);
    match (at(&begin), at(&end)) {
        (None, None) => Ok((lines.to_vec(), None)),
        (Some(first), Some(last)) if first < last => Ok((
            lines[..first]
                .iter()
                .chain(&lines[last + 1..])
                .copied()
                .collect(),
            Some(first),
        )),
        _ => Err(Error::config(format!("the marks around {name} are broken"))
            .hint(format!("take out the lines from `{begin}` to `{end}`"))),
    }
}

/// The indentation of the items after a key: that of the first one, else two spaces.
fn indentation(after: &[&str]) -> String {
    let item = after
        .iter()
        .take_while(|line| {
            line.trim().is_empty() || line.starts_with([' ', '#']) || line.starts_with("- ")
        })
        .find(|line| line.trim_start().starts_with("- ") || line.trim() == "-");
    item.map_or("  ", |line| &line[..line.len() - line.trim_start().len()])
        .to_string()
}

fn is_key(line: &str, key: &str) -> bool {
    line.strip_prefix(key)
        .and_then(|rest| rest.strip_prefix(':'))
        .is_some_and(|rest| {
            let value = rest.split(" #").next().unwrap_or_default().trim();
            value.is_empty() || value.starts_with('#') || ["[]", "null", "~"].contains(&value)
        })
}

/// `text` with the block `name` of `items` in its list `key`. Empty `items` take the block out.
pub(super) fn put(text: &str, key: &str, name: &str, items: &str) -> Result<String> {
    let old = read(text, "the file")?;
    let wanted = match parse_value("the items", items) {
        Ok(Value::Null) => Vec::new(),
        Ok(Value::List(items)) => items,
        _ => {
            return Err(Error::internal(format!(
                "the items for `{key}` are no list"
            )));
        }
    };
    let lines: Vec<&str> = text.lines().collect();
    let (mut lines, there) = without(&lines, name)?;
    let bare = read(&lines.join("\n"), "the file without its block")?;
    let mut new: Vec<String> = Vec::new();
    if wanted.is_empty() {
        new.extend(lines.iter().map(ToString::to_string));
    } else {
        let head = match lines.iter().position(|line| is_key(line, key)) {
            Some(head) => head,
            None if bare.contains_key(key) => {
                return Err(Error::config(format!(
                    "`{key}` is written in one line, where no block can be put"
                ))
                .hint(format!("write it as a list below `{key}:`")));
            }
            None => {
                let end = lines
                    .iter()
                    .rposition(|line| line.trim() != "..." && !line.trim().is_empty())
                    .map_or(0, |last| last + 1);
                lines.truncate(end);
                lines.push("");
                lines.push(key);
                lines.len() - 1
            }
        };
        // Where it was, when that is in the list: somebody may have moved it.
        let at = there
            .filter(|at| {
                *at > head
                    && lines[head + 1..*at]
                        .iter()
                        .all(|line| line.is_empty() || line.starts_with([' ', '#', '-']))
            })
            .unwrap_or(head + 1);
        let space = indentation(&lines[head + 1..]);
        let (begin, end) = marks(name);
        new.extend(lines[..at].iter().map(ToString::to_string));
        let comment = lines[head]
            .split_once(" #")
            .map_or(String::new(), |(_, comment)| format!(" #{comment}"));
        new[head] = format!("{key}:{comment}");
        new.push(format!("{space}{begin}"));
        new.extend(items.trim_end().lines().map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("{space}{line}")
            }
        }));
        new.push(format!("{space}{end}"));
        new.extend(lines[at..].iter().map(ToString::to_string));
    }
    let new = new.join("\n") + "\n";
    let came = read(&new, "the changed file")?;
    let others = |map: &Mapping| {
        map.iter()
            .filter(|(name, _)| name.as_str() != key)
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect::<Mapping>()
    };
    let (mut had, has) = (list(&bare, key)?, list(&came, key)?);
    let kept: Vec<Value> = has
        .iter()
        .filter(|item| !wanted.contains(item))
        .cloned()
        .collect();
    had.retain(|item| !wanted.contains(item));
    if others(&old) != others(&came) || kept != had || has.len() != kept.len() + wanted.len() {
        return Err(Error::config(format!(
            "{name} cannot be put into `{key}` without changing something else"
        )));
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "# Sample config for Prometheus.

global:
  scrape_interval:     15s # Set the scrape interval.

rule_files:
  # - \"first_rules.yml\"

# It is Prometheus itself.
scrape_configs:
  # The job name is added as a label.
  - job_name: 'prometheus'
    static_configs:
      - targets: ['localhost:9090']
";

    #[test]
    fn a_block_is_put_replaced_and_taken_out_and_all_else_stays() {
        let one = put(
            DEBIAN,
            "scrape_configs",
            "job etcd",
            "- job_name: etcd\n  scheme: https\n",
        )
        .expect("it is put");
        assert!(
            one.contains(
                "scrape_configs:
  # managed by etcdsh: job etcd
  - job_name: etcd
    scheme: https
  # end of job etcd, managed by etcdsh
  # The job name is added as a label.
  - job_name: 'prometheus'
"
            ),
            "{one}"
        );
        assert_eq!(
            put(
                &one,
                "scrape_configs",
                "job etcd",
                "- job_name: etcd\n  scheme: https\n"
            )
            .expect("again"),
            one
        );
        let two = put(
            &one,
            "scrape_configs",
            "job etcd",
            "- job_name: etcd\n  scheme: http\n",
        )
        .expect("it is replaced");
        assert_eq!(two, one.replace("https", "http"));
        assert_eq!(
            put(&two, "scrape_configs", "job etcd", "").expect("it is taken out"),
            DEBIAN
        );
        let rules =
            put(DEBIAN, "rule_files", "rules of etcd", "- /r/etcd-*.yml").expect("an empty list");
        assert!(
            rules.contains(
                "rule_files:\n  # managed by etcdsh: rules of etcd\n  - /r/etcd-*.yml\n  # end of"
            ),
            "{rules}"
        );
    }

    #[test]
    fn lists_are_found_as_people_write_them() {
        let rows = [
            (
                "",
                "a:\n  # managed by etcdsh: x\n  - 1\n  # end of x, managed by etcdsh\n",
            ),
            (
                "a: []   # none yet\nb: 2\n",
                "a: # none yet\n  # managed by etcdsh: x\n  - 1\n  # end of x, managed by etcdsh\nb: 2\n",
            ),
            (
                "a:\n- 0\nb: 2",
                "a:\n# managed by etcdsh: x\n- 1\n# end of x, managed by etcdsh\n- 0\nb: 2\n",
            ),
            (
                "a:\n    - 0\n...\n",
                "a:\n    # managed by etcdsh: x\n    - 1\n    # end of x, managed by etcdsh\n    - 0\n...\n",
            ),
            (
                "b: 2\n...\n",
                "b: 2\n\na:\n  # managed by etcdsh: x\n  - 1\n  # end of x, managed by etcdsh\n",
            ),
        ];
        for (text, wanted) in rows {
            let new = put(text, "a", "x", "- 1").unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(new.trim_start_matches('\n'), wanted, "{text}");
            assert_eq!(put(&new, "a", "x", "- 1").expect("again"), new);
        }
    }

    #[test]
    fn what_cannot_be_done_as_text_is_refused() {
        let rows = [
            ("a: [0, 1]\n", "written in one line"),
            ("a: text\n", "written in one line"),
            ("- a\n", "is no map"),
            ("a: {\n", "is no YAML"),
            (
                "a:\n  # managed by etcdsh: x\n  - 1\n",
                "marks around x are broken",
            ),
            ("b: |\n  a\na: &here\n  - 0\n", "written in one line"),
        ];
        for (text, wanted) in rows {
            let error = put(text, "a", "x", "- 1").expect_err(text).to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
