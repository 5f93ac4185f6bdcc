// `stretto env`: the environment variables, from the table that the library itself reads. docs/environment.md is what
// it prints with --markdown; a test compares them.
#include "base/environment.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"

namespace stretto::cli {
namespace {

constexpr const char* kPageHead = R"(# Environment variables

<!-- Written by `stretto env --markdown`; the table itself is in src/base/environment.cpp. -->

They are read once, where a unique id or a communicator is made. A value comes from the first of these that gives one:
the caller's `strettoConfig_t`, the environment, the file that `STRETTO_CONFIG_FILE` names, the default. A value that is
no number or out of range is an error that names the variable; an unknown variable `STRETTO_...` is logged as a warning
with the nearest name, unless it begins with `STRETTO_TEST_`.

Where the table says that rank 0's value counts, all ranks must work with the same one: rank 0 tells it to the others
during set-up, and theirs are not used.

`stretto env` prints the values in force in the shell that it is run in.

| variable | default | values | what it does |
| --- | --- | --- | --- |
)";

std::string range_of(const KnobRow& row) {
  return row.kind == KnobKind::integer ? format("{} to {}", row.least, row.most) : "text";
}

std::string value_of(const KnobRow& row, const Environment& environment) {
  return row.kind == KnobKind::integer ? format("{}", environment.integer(row.knob)) : environment.text(row.knob);
}

std::string page() {
  std::string text = kPageHead;
  for (const KnobRow& row : knob_rows()) {
    const std::string initial = row.default_value.empty() ? "-" : format("`{}`", row.default_value);
    text += format("| `{}` | {} | {} | {} |\n", row.name, initial, range_of(row), row.help);
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
