//! What a package costs that a run does not use.
//!
//! The whole process is timed, with 10 and with 1,000 packages in a plugins directory,
//! in turns; the slope between them is the cost of one. Each has a manifest with four
//! implementations and a FIFO for a component, so that opening one would hang. `first`
//! has nothing but the manifests, `unchanged` has the index that an earlier run left.
//!
//! `cargo bench -p perfbox --bench registry`; with `-- --test` small and once.

#[cfg(not(unix))]
fn main() {
    println!("needs FIFOs, which are Unix's");
}

#[cfg(unix)]
fn main() {
    unix::main();
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::hint::black_box;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use perfbox::registry::Manifest;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tempfile::TempDir;

    /// How much is measured.
    struct Size {
        few: usize,
        many: usize,
        rounds: usize,
        /// A file younger than this is not known by its stamp.
        settled: Duration,
    }

    const WHOLE: Size =
        Size { few: 10, many: 1_000, rounds: 21, settled: Duration::from_millis(2_500) };
    const SMOKE: Size = Size { few: 2, many: 20, rounds: 1, settled: Duration::ZERO };

    /// Most that a package may cost, in us.
    const FIRST_TARGET_US: f64 = 120.0;
    const UNCHANGED_TARGET_US: f64 = 15.0;

    pub(super) fn main() {
        let size = if std::env::args().any(|arg| arg == "--test") { SMOKE } else { WHOLE };
        let home = Home::new(&size);
        std::thread::sleep(size.settled);
        println!("one manifest, parsed in this process: {:.1} us", parse_us(&home));
        let list = ["plugins", "list", "--json"].map(str::to_owned).to_vec();
        let records = home.temp.path().join("records.jsonl").display().to_string();
        let run = ["run", &records, "--processor", "metrics", "--quiet", "--force", "--out", "out"];
        let run = run.map(str::to_owned).to_vec();
        for (name, args) in [("plugins list --json", list), ("run of a builtin", run)] {
            for (index, target) in
                [(Index::None, FIRST_TARGET_US), (Index::Kept, UNCHANGED_TARGET_US)]
            {
                let us = home.slope_us(&args, index, &size);
                match size.rounds {
                    // So few packages, so young, say nothing of the cost.
                    1 => println!("{name}, {}: ran", index.name()),
                    _ => println!(
                        "{name}, {}: {us:.1} us a package (at most {target})",
                        index.name()
                    ),
                }
            }
        }
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Index {
        None,
        Kept,
    }

    impl Index {
        fn name(self) -> &'static str {
            match self {
                Self::None => "first",
                Self::Kept => "unchanged",
            }
        }
    }

    /// A user's home with two plugins directories.
    struct Home {
        temp: TempDir,
        few: PathBuf,
        many: PathBuf,
    }

    impl Home {
        fn new(size: &Size) -> Self {
            let temp = tempfile::tempdir().unwrap();
            let [few, many] = [size.few, size.many].map(|packages| {
                let dir = temp.path().join(format!("plugins-{packages}"));
                (0..packages).for_each(|number| add_package(&dir, number));
                dir
            });
            let record = r#"{"metadata":{"benchmark_phase":"profiling","request_start_ns":1,"request_end_ns":2},"metrics":{"request_latency":{"value":1.0,"unit":"ms"}}}"#;
            fs::write(temp.path().join("records.jsonl"), record).unwrap();
            Self { temp, few, many }
        }

        /// Of the whole process's time between few packages and many: the median of
        /// pairs, in us a package.
        fn slope_us(&self, args: &[String], index: Index, size: &Size) -> f64 {
            // Compiled code and, where it is kept, the index.
            self.time(args, &self.few, index);
            self.time(args, &self.many, index);
            let packages = (size.many - size.few) as f64;
            let mut slopes: Vec<f64> = (0..size.rounds)
                .map(|_| {
                    let few = self.time(args, &self.few, index);
                    let many = self.time(args, &self.many, index);
                    (many.as_secs_f64() - few.as_secs_f64()) * 1e6 / packages
                })
                .collect();
            slopes.sort_by(f64::total_cmp);
            slopes[slopes.len() / 2]
        }

        fn time(&self, args: &[String], plugins_dir: &Path, index: Index) -> Duration {
            if index == Index::None {
                self.remove_indexes();
            }
            let mut perfbox = Command::new(env!("CARGO_BIN_EXE_perfbox"));
            perfbox.args(args).arg("--plugins-dir").arg(plugins_dir).current_dir(self.temp.path());
            perfbox.env_clear().env("HOME", self.temp.path()).env("RUST_LOG", "error");
            perfbox.stdin(Stdio::null()).stdout(Stdio::null());
            let begun = Instant::now();
            let status = perfbox.status().unwrap();
            let elapsed = begun.elapsed();
            assert!(status.success(), "{perfbox:?}");
            elapsed
        }

        fn remove_indexes(&self) {
            let Ok(entries) = self.temp.path().join(".cache/perfbox").read_dir() else { return };
            for entry in entries.flatten() {
                if entry.path().extension().is_some_and(|extension| extension == "index") {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
        }
    }

    fn add_package(plugins_dir: &Path, number: usize) {
        let dir = plugins_dir.join(format!("team-{number:04}"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("registry.yaml"), manifest(number)).unwrap();
        let fifo = dir.join("tools.wasm");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    /// Of two hooks and two processors, each with two parameters.
    fn manifest(number: usize) -> String {
        let implementation = |name: &str| {
            format!(
                "  {name}_{number:04}:
    component: tools.wasm
    class: {name}
    description: The {name} of team {number}
    priority: 60
    tags: [team, {name}]
    config_params:
      - {{name: file, type: string, default: {name}.txt, description: Where to write}}
      - {{name: verbose, type: bool, default: false, description: Say more}}
"
            )
        };
        format!(
            "schema_version: \"1.0\"
plugin:
  name: team-tools-{number:04}
  version: 1.{number}.0
  description: Tools of team {number} for their benchmark runs
  author: Team {number}
  license: Apache-2.0
phase_hooks:
{}{}post_processors:
{}{}",
            implementation("log"),
            implementation("push"),
            implementation("stat"),
            implementation("gate"),
        )
    }

    /// For scale.
    fn parse_us(home: &Home) -> f64 {
        let dir = home.few.join("team-0000");
        let rounds = 200;
        let begun = Instant::now();
        for _ in 0..rounds {
            black_box(Manifest::read(&dir).unwrap());
        }
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
    }
}
