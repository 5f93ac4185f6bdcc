// A value of a plan's JSON and where in the text it stands, for the reader in mscclpp_file.cpp.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "foreign/mscclpp_file.hpp"

namespace stretto::foreign {

struct JsonAt {
  const MscclppFile& file;
  const nlohmann::json& json;
  std::string place;

  [[noreturn]] void refuse(std::string_view why) const { file.refuse_at(place, why); }
  bool has(const char* name) const { return json.is_object() && json.contains(name); }
  JsonAt member(const char* name) const {
    if (!has(name)) refuse(format("\"{}\" is missing", name));
    return {file, json[name], place + "/" + name};
  }
  std::vector<JsonAt> elements(std::size_t most) const {
    if (!json.is_array()) refuse("a list is needed");
    if (json.size() > most) refuse(format("a list of {} is too long: at most {} are read", json.size(), most));
    std::vector<JsonAt> all;
    for (std::size_t i = 0; i < json.size(); ++i) all.push_back({file, json[i], format("{}/{}", place, i)});
    return all;
  }
  std::vector<JsonAt> elements_of(const char* name, std::size_t most) const {
    return has(name) ? member(name).elements(most) : std::vector<JsonAt>();
  }
  std::int32_t number(std::int64_t least, std::int64_t most) const {
    const bool whole =
        json.is_number_integer() && !(json.is_number_unsigned() && json.get<std::uint64_t>() > INT32_MAX);
    const auto value = whole ? json.get<std::int64_t>() : 0;
    if (!whole || value < least || value > most) refuse(format("a whole number from {} to {} is needed", least, most));
    return static_cast<std::int32_t>(value);
  }
  std::string_view text() const {
    if (!json.is_string()) refuse("a text is needed");
    return json.get_ref<const std::string&>();
  }
};

}  // namespace stretto::foreign
