// The only file that sees expat. Nothing is thrown through it, since it is C: what goes wrong in a handler stops the
// parser and is thrown after it has returned.
#include <expat.h>

#include <exception>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/files/xml.hpp"

namespace stretto::topology {
namespace {

[[noreturn]] void refuse(const XmlLimits& limits, std::string_view file_name, std::uint64_t line,
                         const std::string& why) {
  throw Error(strettoInvalidArgument, format("{} {}, line {}: {}", limits.what, file_name, line, why));
}

struct Reader {
  XML_Parser parser = nullptr;
  std::string_view file_name;
  XmlLimits limits;
  XmlElement root;
  std::vector<XmlElement*> open;  ///< from the root inwards; each the last child of the one before
  std::size_t n_elements = 0;
  std::exception_ptr failure;

  void begin(const char* name, const char** attributes) {
    const std::uint64_t line = XML_GetCurrentLineNumber(parser);
    if (open.size() >= limits.depth) {
      refuse(limits, file_name, line, format("<{}> is nested deeper than {} elements", name, limits.depth));
    }
    if (++n_elements > limits.elements) {
      refuse(limits, file_name, line,
             format("<{}> is one element too many: at most {} are read", name, limits.elements));
    }
    XmlElement* element = &root;
    if (!open.empty()) element = &open.back()->children.emplace_back();
    element->name = name;
    element->line = static_cast<std::int64_t>(line);
    for (; *attributes != nullptr; attributes += 2) {
      if (element->attributes.size() >= limits.attributes) {
        refuse(limits, file_name, line, format("<{}> has more than {} attributes", name, limits.attributes));
      }
      element->attributes.push_back({attributes[0], attributes[1]});
    }
    open.push_back(element);
  }

  void text(std::string_view characters) {
    if (characters.find_first_not_of(" \t\r\n") != characters.npos && !open.empty()) open.back()->has_text = true;
  }

  void document_type(std::string_view name, bool has_declarations) {
    if (!limits.document_type.empty() && name == limits.document_type && !has_declarations) return;
    refuse(limits, file_name, XML_GetCurrentLineNumber(parser),
           "a document type is not read, nor any entity of its own: take <!DOCTYPE ...> out");
  }

  template <class Handler>
  void guarded(Handler&& handler) noexcept {
    if (failure) return;  // expat still ends an empty element after it was stopped
    try {
      handler();
    } catch (...) {
      failure = std::current_exception();
      XML_StopParser(parser, XML_FALSE);
    }
  }
};

Reader& reader_of(void* user) { return *static_cast<Reader*>(user); }

void XMLCALL on_begin(void* user, const XML_Char* name, const XML_Char** attributes) {
  reader_of(user).guarded([&] { reader_of(user).begin(name, attributes); });
}

void XMLCALL on_end(void* user, const XML_Char*) {
  reader_of(user).guarded([&] { reader_of(user).open.pop_back(); });
}

void XMLCALL on_text(void* user, const XML_Char* characters, int length) {
  reader_of(user).guarded([&] { reader_of(user).text({characters, static_cast<std::size_t>(length)}); });
}

void XMLCALL on_document_type(void* user, const XML_Char* name, const XML_Char*, const XML_Char*, int declarations) {
  reader_of(user).guarded([&] { reader_of(user).document_type(name, declarations != 0); });
}

}  // namespace

bool has_xml_reader() noexcept { return true; }

XmlElement parse_xml(std::string_view text, std::string_view file_name, const XmlLimits& limits) {
  if (text.size() > limits.bytes) {
    throw Error(strettoInvalidArgument,
                format("{} {}: has {} bytes; at most {} are read", limits.what, file_name, text.size(), limits.bytes));
  }
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(XML_ParserCreate(nullptr), &XML_ParserFree);
  if (!parser) throw std::bad_alloc();
  Reader reader{parser.get(), file_name, limits, {}, {}, 0, {}};
  XML_SetUserData(parser.get(), &reader);
  XML_SetElementHandler(parser.get(), on_begin, on_end);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), on_document_type);
  const XML_Status status = XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
  if (reader.failure) std::rethrow_exception(reader.failure);
  if (status != XML_STATUS_OK) {
    refuse(limits, file_name, XML_GetCurrentLineNumber(parser.get()),
           format("this is no well-formed XML: {}", XML_ErrorString(XML_GetErrorCode(parser.get()))));
  }
  return std::move(reader.root);
}

}  // namespace stretto::topology
