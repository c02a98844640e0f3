// SPDX-License-Identifier: MIT
#include "pools/bus/message.hpp"

#include <string_view>

#include "base/errors.hpp"

namespace preforkd {
namespace {

BusFailure unreadable(const std::string& why) {
  return {"org.freedesktop.DBus.Error.InvalidSignature", "the answer cannot be read: " + why};
}

int check(int result) {
  if (result < 0) throw unreadable(errno_text(-result));
  return result;
}

template <class T>
Json basic(sd_bus_message* message, char type) {
  T value{};
  check(sd_bus_message_read_basic(message, type, &value));
  return value;
}

Json read_basic(sd_bus_message* message, char type) {
  switch (type) {
    case SD_BUS_TYPE_BOOLEAN:
      return basic<int>(message, type) != 0;
    case SD_BUS_TYPE_BYTE:
      return basic<std::uint8_t>(message, type);
    case SD_BUS_TYPE_INT16:
      return basic<std::int16_t>(message, type);
    case SD_BUS_TYPE_UINT16:
      return basic<std::uint16_t>(message, type);
    case SD_BUS_TYPE_INT32:
      return basic<std::int32_t>(message, type);
    case SD_BUS_TYPE_UINT32:
      return basic<std::uint32_t>(message, type);
    case SD_BUS_TYPE_INT64:
      return basic<std::int64_t>(message, type);
    case SD_BUS_TYPE_UINT64:
      return basic<std::uint64_t>(message, type);
    case SD_BUS_TYPE_DOUBLE:
      return basic<double>(message, type);
    case SD_BUS_TYPE_STRING:
    case SD_BUS_TYPE_OBJECT_PATH:
    case SD_BUS_TYPE_SIGNATURE:
      return basic<const char*>(message, type);
    default:
      throw unreadable(std::string("a value of the type ") + type);
  }
}

Json read_value(sd_bus_message* message, char type, const char* contents);

// The rest of the current container.
Json read_rest(sd_bus_message* message) {
  Json values = Json::array();
  char type = 0;
  const char* contents = nullptr;
  while (check(sd_bus_message_peek_type(message, &type, &contents)) > 0) {
    values.push_back(read_value(message, type, contents));
  }
  return values;
}

Json read_container(sd_bus_message* message, char type, const char* contents) {
  check(sd_bus_message_enter_container(message, type, contents));
  Json values = read_rest(message);
  check(sd_bus_message_exit_container(message));
  return values;
}

Json read_dictionary(sd_bus_message* message, const char* contents) {
  Json object = Json::object();
  for (Json& entry : read_container(message, SD_BUS_TYPE_ARRAY, contents)) {
    const std::string key = entry[0].is_string() ? entry[0].get<std::string>() : entry[0].dump();
    object[key] = std::move(entry[1]);
  }
  return object;
}

Json read_value(sd_bus_message* message, char type, const char* contents) {
  switch (type) {
    case SD_BUS_TYPE_ARRAY:
      if (contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN) return read_dictionary(message, contents);
      return read_container(message, type, contents);
    case SD_BUS_TYPE_STRUCT:
    case SD_BUS_TYPE_DICT_ENTRY:
      return read_container(message, type, contents);
    case SD_BUS_TYPE_VARIANT:
      return std::move(read_container(message, type, contents)[0]);
    default:
      return read_basic(message, type);
  }
}

int append_list(sd_bus_message* message, const std::vector<std::string>& texts) {
  int result = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "s");
  for (std::size_t i = 0; i < texts.size() && result >= 0; ++i)
    result = sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, texts[i].c_str());
  return result < 0 ? result : sd_bus_message_close_container(message);
}

}  // namespace

int append(sd_bus_message* message, const std::vector<Argument>& arguments) {
  for (const Argument& argument : arguments) {
    int result = 0;
    if (const auto* const text = std::get_if<std::string>(&argument)) {
      result = sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, text->c_str());
    } else if (const auto* const number = std::get_if<std::uint32_t>(&argument)) {
      result = sd_bus_message_append_basic(message, SD_BUS_TYPE_UINT32, number);
    } else if (const auto* const list = std::get_if<std::vector<std::string>>(&argument)) {
      result = append_list(message, *list);
    } else if (const auto* const truth = std::get_if<bool>(&argument)) {
      const int value = *truth ? 1 : 0;
      result = sd_bus_message_append_basic(message, SD_BUS_TYPE_BOOLEAN, &value);
    } else {
      result = sd_bus_message_append_basic(message, SD_BUS_TYPE_INT32, &std::get<std::int32_t>(argument));
    }
    if (result < 0) return result;
  }
  return 0;
}

Json decode(sd_bus_message* message) {
  check(sd_bus_message_rewind(message, 1));
  return read_rest(message);
}

Json decode_answer(sd_bus_message* message, const std::string& signature) {
  if (signature.empty()) return Json::array();
  const char* const given = sd_bus_message_get_signature(message, 1);
  if (given == nullptr || !std::string_view(given).starts_with(signature)) {
    throw unreadable("it is \"" + std::string(given != nullptr ? given : "") + "\", not \"" + signature + '"');
  }
  return decode(message);
}

}  // namespace preforkd
