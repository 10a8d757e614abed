//! Which tasks are selected: `-t`, `--skip-tags`, `--start-at-task`, with Ansible's special tags.

use crate::error::{Error, Result, nearest};

use super::play::Task;

/// What the user selected.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub skip: Vec<String>,
    pub start_at: Option<String>,
    pub tags: Vec<String>,
}

impl Selection {
    /// Split `-t a,b -t c`, as `option` was given. A value without a word is an error: it must not mean "all tasks".
    pub fn words(option: &str, values: &[String]) -> Result<Vec<String>> {
        let mut words = Vec::new();
        for value in values {
            let before = words.len();
            let parts = value.split(',').map(str::trim);
            words.extend(parts.filter(|word| !word.is_empty()).map(str::to_string));
            if words.len() == before {
                return Err(Error::usage(format!("`{option} '{value}'` names no tag"))
                    .because(
                        "it may come from a variable that is not set; leave it out for all tasks",
                    )
                    .hint("--list-tags shows those there are"));
            }
        }
        Ok(words)
    }

    /// Every tag named must belong to a task: a typing error must not mean "do nothing".
    pub fn check(&self, tasks: &[Task]) -> Result<()> {
        let known: Vec<&str> = tasks.iter().flat_map(Task::tags).collect();
        for tag in self.tags.iter().chain(&self.skip) {
            if !is_special(tag) && !known.contains(&tag.as_str()) {
                let error = Error::usage(format!("no task has the tag `{tag}`"));
                return Err(match nearest(tag, known.iter().copied()) {
                    Some(name) => error.hint(format!("did you mean `{name}`?")),
                    None => error.hint("--list-tags shows those there are"),
                });
            }
        }
        if let Some(start) = &self.start_at
            && !tasks.iter().any(|task| task.is_called(start))
        {
            let error = Error::usage(format!("no task is called `{start}`"));
            return Err(
                match nearest(start, tasks.iter().map(|task| task.name.as_str())) {
                    Some(name) => error.hint(format!("did you mean `{name}`?")),
                    None => error.hint("--list-tasks shows those there are"),
                },
            );
        }
        Ok(())
    }

    /// The tasks that are selected, with `--start-at-task`.
    #[must_use]
    pub fn of<'a>(&self, tasks: &'a [Task]) -> Vec<&'a Task> {
        let start = self
            .start_at
            .as_ref()
            .and_then(|start| tasks.iter().position(|task| task.is_called(start)))
            .unwrap_or(0);
        let from =
            |(index, task): &(usize, &Task)| self.takes(task) && (*index >= start || task.always);
        tasks
            .iter()
            .enumerate()
            .filter(from)
            .map(|(_, task)| task)
            .collect()
    }

    /// Is a task with these tags selected? Without `start_at`.
    #[must_use]
    pub fn takes(&self, task: &Task) -> bool {
        let has = |wanted: &String| task.tags().any(|tag| tag == wanted);
        let always = task.always;
        let chosen = self.tags.is_empty()
            || always
            || self
                .tags
                .iter()
                .any(|tag| tag == "all" || tag == "tagged" || has(tag));
        let skipped = self.skip.iter().any(|tag| {
            has(tag)
                || (tag == "always" && always)
                || (tag == "all" && !always)
                || (tag == "tagged" && !always)
        });
        chosen && !skipped
    }
}

fn is_special(tag: &str) -> bool {
    ["all", "always", "never", "tagged", "untagged"].contains(&tag)
}
