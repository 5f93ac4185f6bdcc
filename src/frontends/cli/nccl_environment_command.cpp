// `stretto env --nccl`: what NCCL's variables mean here, from the table that libnccl.so.2 itself goes by.
// docs/nccl-environment.md is what it prints with --markdown; a test compares them.
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"
#include "frontends/nccl/environment.hpp"

namespace stretto::cli {
namespace {

constexpr const char* kPageHead = R"(# NCCL's environment variables

<!-- Written by `stretto env --nccl --markdown`; the table itself is in src/frontends/nccl/environment_table.cpp. -->

What the variables that people set for NCCL mean to stretto's libnccl.so.2. They are read once in a process, when it
first makes an id or a communicator. Those that are *honoured* give a value to one of stretto's own
([environment.md](environment.md)), or to what the row names. A `STRETTO_...` variable goes before them, whether the
environment has it or the file that `STRETTO_CONFIG_FILE` names; they go before the default.

Each variable beginning with `NCCL_` that is set, and not empty, makes one line in the log, once in a process:

```
event=nccl_environment variable=NCCL_DEBUG value="INFO" state=honoured text="as STRETTO_LOG_LEVEL=info; ..."
```

| state | what it says | level |
| --- | --- | --- |
| `honoured` | it counts; the text says as what | info |
| `overruled` | one of stretto's own goes before it | info |
| `ignored` | it has no effect; the text says why, and what to do instead | the table's; warn for a value that is not understood |
| `of_others` | another program reads it, not NCCL | debug |
| `unknown` | no variable of NCCL's has this name; the text has the nearest | warn |

Without `NCCL_DEBUG` or `STRETTO_LOG_LEVEL` the log shows warnings only: so the level warn is for those that programs
rely on, info for those that do no harm. `stretto env --nccl` prints the lines for the shell that it is run in.

A name with a * stands for all that begin so and have no row of their own. Names are those of NCCL 2.30 and earlier.

| variable | here | level | what it means, or why it means nothing |
| --- | --- | --- | --- |
)";

const char* name_of(nccl::Meaning meaning) {
  switch (meaning) {
    case nccl::Meaning::honoured:
      return "honoured";
    case nccl::Meaning::ignored:
      return "ignored";
    case nccl::Meaning::of_others:
      return "of others";
  }
  return "";
}

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return "trace";
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
  }
  return "";
}

std::string page() {
  std::string text = kPageHead;
  for (const nccl::VariableRow& row : nccl::variable_rows()) {
    text += format("| `{}` | {} | {} | {} |\n", row.name, name_of(row.meaning), name_of(row.level), row.means);
  }
  return text;
}

std::string listing() {
  const std::vector<std::string> entries = nccl::process_entries();
  const nccl::Translation translation = nccl::translate(entries, nccl::process_surroundings(entries));
  std::string text;
  for (const nccl::Line& line : translation.lines) text += format("level={} {}\n", name_of(line.level), line.text);
  for (const std::string& setting : translation.settings) text += setting + "\n";
  return text.empty() ? "no variable NCCL_... is set\n" : text;
}

}  // namespace

void print_nccl_environment(bool markdown) { print(markdown ? page() : listing()); }

}  // namespace stretto::cli
