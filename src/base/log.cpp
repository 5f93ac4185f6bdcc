#define FMT_HEADER_ONLY 1  // see text.hpp: no other file sees fmt's implementation
#include "base/log.hpp"

#define SPDLOG_HEADER_ONLY 1
#define SPDLOG_FMT_EXTERNAL 1
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <mutex>

#include "base/fork.hpp"

namespace stretto {
namespace {

std::shared_ptr<spdlog::logger> make_logger(const std::string& file) {
  if (file.empty())
    return std::make_shared<spdlog::logger>("stretto", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  std::string path = file;
  if (const std::size_t at = path.find("%p"); at != std::string::npos) path.replace(at, 2, std::to_string(getpid()));
  return std::make_shared<spdlog::logger>("stretto", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
}

struct Log {
  std::once_flag once;
  std::shared_ptr<spdlog::logger> logger;
};

Log& state() {
  static PerProcess<Log> log;  // for ever: the service thread may write while static objects are destroyed
  return log.get();
}

void start(const std::string& file, const std::string& level) {
  std::call_once(state().once, [&] {
    std::shared_ptr<spdlog::logger> logger;
    try {
      logger = make_logger(file);
    } catch (const spdlog::spdlog_ex& error) {
      logger = make_logger("");
      logger->warn("STRETTO_LOG_FILE={} cannot be opened ({}); logging to standard error", file, error.what());
    }
    logger->set_pattern("stretto %Y-%m-%dT%H:%M:%S.%f pid=%P level=%l %v");
    logger->set_level(spdlog::level::from_str(level));
    logger->flush_on(spdlog::level::warn);
    state().logger = std::move(logger);
  });
}

}  // namespace

void configure_log(const Environment& environment) {
  start(environment.text(Knob::log_file), environment.text(Knob::log_level));
}

bool log_enabled(LogLevel level) noexcept {
  start("", "warn");
  return state().logger->should_log(static_cast<spdlog::level::level_enum>(level));
}

void log_line(LogLevel level, std::string_view line) noexcept {
  if (!log_enabled(level)) return;
  state().logger->log(static_cast<spdlog::level::level_enum>(level), "{}", line);
}

}  // namespace stretto
