// iconv as a value: see the header. The only file that calls iconv.
#include "postoffice/iconv_handle.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "postoffice/ascii.h"

namespace smtpgate::postoffice {

namespace {

/// An empty name would mean the locale's set, a slash or comma starts options, and the last two
/// are the process's own memory formats.
bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  if (equals_ignoring_case(name, "WCHAR_T") || equals_ignoring_case(name, "INTERNAL")) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) ||
           std::string_view("._:+-").find(c) != std::string_view::npos;
  });
}

}  // namespace

iconv_t Iconv::closed() {
  // What iconv_open() returns for a failure; iconv_t is a pointer type, so there is no other way.
  return reinterpret_cast<iconv_t>(-1);  // NOLINT(performance-no-int-to-ptr)
}

std::optional<Iconv> Iconv::open(std::string_view to, std::string_view from) {
  if (!is_safe_name(to) || !is_safe_name(from)) return std::nullopt;
  const iconv_t handle = iconv_open(std::string(to).c_str(), std::string(from).c_str());
  if (handle == closed()) return std::nullopt;
  return Iconv(handle);
}

Iconv::~Iconv() {
  if (is_open()) iconv_close(handle_);
}

Iconv::Stop Iconv::call(char** input, std::size_t* input_left, std::string& out) {
  if (!is_open()) return Stop::illegal;
  std::array<char, 16384> buffer;  // filled by iconv before it is read
  for (;;) {
    char* to = buffer.data();
    std::size_t room = buffer.size();
    const std::size_t result = iconv(handle_, input, input_left, &to, &room);
    const int error = result == static_cast<std::size_t>(-1) ? errno : 0;
    const std::size_t made = buffer.size() - room;
    out.append(buffer.data(), made);
    if (error == 0) return Stop::done;
    if (error == EINVAL) return Stop::incomplete;
    // A full buffer is emptied and the conversion goes on; a full buffer without output cannot
    // be, and would turn for ever.
    if (error != E2BIG || made == 0) return Stop::illegal;
  }
}

Iconv::Stop Iconv::convert(std::string_view& input, std::string& out) {
  // iconv's interface is older than const; it does not write to its input.
  char* from = const_cast<char*>(input.data());
  std::size_t left = input.size();
  const Stop stop = call(&from, &left, out);
  input.remove_prefix(input.size() - left);
  return stop;
}

void Iconv::reset(std::string& out) {
  call(nullptr, nullptr, out);
}

}  // namespace smtpgate::postoffice
