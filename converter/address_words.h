// What some words of an address list say: a name, or an address, decoded. For address_list.cpp,
// which decides which words belong together. No state; safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "converter/address_lexer.h"
#include "converter/address_list.h"

namespace smtpgate::converter {

using AddressTokens = std::vector<AddressToken>;

/// Words as a person would read them. Here and below `odd` is set if something had to be forgiven.
std::string phrase(const AddressTokens& tokens, bool& odd);

/// The address that fills tokens [begin, end).
InternetAddress address_of(const AddressTokens& tokens, std::size_t begin, std::size_t end,
                           bool& odd);

/// What stands where there should be an address: "mailto", "SMTP", before a colon that means
/// nothing.
bool is_scheme(const AddressToken& token);

/// The end of a member of words alone that hides its address, as a list of its own: encoded words
/// or a quoted string that are the whole member, or brackets at its end ("Anna [a@b.example]").
/// Empty if there is none. `begin` gets the number of words before it, which are the name.
std::string hidden_address(const AddressTokens& words, std::size_t& begin, bool& odd);

/// One of them ends, or the other begins, with a dot: "a . b" is one word.
bool touches_by_dot(const AddressToken& left, const AddressToken& right);
bool is_at_sign(const AddressToken& token);
std::string without_controls(std::string text, bool& odd);

}  // namespace smtpgate::converter
