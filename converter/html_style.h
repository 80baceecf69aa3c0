// What the attributes `style` and `class` of an HTML element say about its text: that it is hidden,
// or that a paragraph has no blank line around it. Style sheets are not read.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate::converter {

/// display: none, or visibility: hidden; the last declaration of a property counts.
bool is_style_hidden(std::string_view style);

/// Its list-style-type, also out of list-style; empty if there is none.
std::string list_style_type(std::string_view style);

/// No margin above and below, as mail programs write lines that were typed one after the other;
/// with Word's and Outlook's classes (MsoNormal ...), whose style sheet says the same.
bool is_style_tight(std::string_view style, std::string_view classes);

}  // namespace smtpgate::converter
