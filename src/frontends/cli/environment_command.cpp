// `stretto env`: the environment variables, from the table that the library itself reads. docs/environment.md is what
// it prints with --markdown; a test compares them.
#include "base/environment.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"

namespace stretto::cli {
namespace {

constexpr const char* kPageHead = R"(# Environment variables

<!-- Written by `stretto env --markdown`; the table itself is in src/base/environment.cpp. -->

They are read once, where a unique id or a communicator is made; later changes have no effect on it. A value comes from
the first of these that gives one:

1. the caller's `strettoConfig_t`: its fields `setup_timeout_ms`, `data_timeout_ms` and `algorithm` go before the
   variables of those names;
2. the environment of the process;
3. the file that `STRETTO_CONFIG_FILE` names: lines `STRETTO_NAME=value`, and comments that begin with `#`;
4. what the program gave to `strettoSetDefaults`; in programs that use NCCL's interface that is what their `NCCL_...`
   variables mean ([nccl-environment.md](nccl-environment.md));
5. the default.

A value that is no number or out of range is an error that names the variable. An unknown variable `STRETTO_...` is
logged as a warning with the nearest name, unless it begins with `STRETTO_TEST_`.

The last word of a name is the unit: MS milliseconds, US microseconds, BYTES bytes. Numbers are decimal, without suffix.

Whose value counts: *each* process has its own, and they may differ. *Rank 0's*: all ranks must work with the same
value, so rank 0 tells its own to the others during set-up, and theirs are not used. *The listener's*: that of the
process that makes the id, rank 0's as a rule; for a communicator of `strettoCommSplit`, that of the first rank of the
group.

`stretto env` prints the values in force in the shell that it is run in.

| variable | default | values | whose counts | what it does |
| --- | --- | --- | --- | --- |
)";

std::string range_of(const KnobRow& row) {
  return row.kind == KnobKind::integer ? format("{} to {}", row.least, row.most) : "text";
}

const char* owner_of(const KnobRow& row) {
  switch (row.owner) {
    case KnobOwner::each:
      return "each";
    case KnobOwner::rank_0:
      return "rank 0's";
    case KnobOwner::listener:
      return "the listener's";
  }
  return "";
}

std::string value_of(const KnobRow& row, const Environment& environment) {
  return row.kind == KnobKind::integer ? format("{}", environment.integer(row.knob)) : environment.text(row.knob);
}

std::string page() {
  std::string text = kPageHead;
  for (const KnobRow& row : knob_rows()) {
    const std::string initial = row.default_value.empty() ? "-" : format("`{}`", row.default_value);
    text += format("| `{}` | {} | {} | {} | {} |\n", row.name, initial, range_of(row), owner_of(row), row.help);
  }
  return text;
}

std::string listing() {
  const Environment environment = Environment::read();
  std::string text;
  for (const KnobRow& row : knob_rows()) {
    const std::string value = value_of(row, environment);
    text += format("{}={}{}\n    {} ({})\n", row.name, value, value == row.default_value ? "  (default)" : "", row.help,
                   range_of(row));
  }
  for (const std::string& warning : environment.warnings()) text += format("warning: {}\n", warning);
  return text;
}

}  // namespace

void print_environment(bool markdown) { print(markdown ? page() : listing()); }

}  // namespace stretto::cli
