// The tokens of HTML: text, start tags, end tags. Follows the states of the HTML standard's
// tokenizer as far as text needs them; comments, declarations and the contents of script, style and
// title are dropped here. Every octet is looked at once; memory is bounded: long names and values
// are cut or dropped.
//
// Not for: what tags mean (html_to_text.cpp). Builds no tree.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::converter {

/// Names and attributes of the tag in hand; views are valid during the call.
class HtmlTag {
 public:
  enum Attribute : std::size_t {
    href,
    alt,
    start,
    style,
    classes,
    hidden,
    colspan,
    rowspan,
    type,
    value,
    attributes_kept
  };

  std::string_view name() const { return name_; }  ///< lower case; empty if absurdly long
  /// Raw, references not yet replaced; empty if absent. The first of a name counts.
  std::string_view attribute(Attribute which) const { return values_[which]; }
  bool has(Attribute which) const { return seen_[which]; }
  /// Of all values that are kept.
  std::size_t octets() const;
  /// The value was longer than `longest_value` and is cut.
  bool is_cut(Attribute which) const { return cut_[which]; }

  static constexpr std::size_t longest_name = 16;
  static constexpr std::size_t longest_value = 2000;

 private:
  friend class HtmlTokenizer;
  std::string name_;
  std::array<std::string, attributes_kept> values_;
  std::array<bool, attributes_kept> cut_{};
  std::array<bool, attributes_kept> seen_{};
};

class HtmlTokenHandler {
 public:
  virtual ~HtmlTokenHandler() = default;
  /// UTF-8 with references replaced; cut anywhere.
  virtual void text(std::string_view piece) = 0;
  virtual void start_tag(const HtmlTag& tag) = 0;
  virtual void end_tag(std::string_view name) = 0;
};

class HtmlTokenizer {
 public:
  /// `handler` outlives the tokenizer.
  explicit HtmlTokenizer(HtmlTokenHandler& handler) : handler_(handler) {}
  void feed(std::string_view piece);
  /// A reference at the very end is still text; an unfinished tag is not.
  void finish();

 private:
  enum class Place {
    text,
    reference,
    tag_open,
    end_tag_open,
    tag_name,
    before_attribute,
    attribute_name,
    after_attribute_name,
    before_value,
    value_in_double_quotes,
    value_in_single_quotes,
    value_without_quotes,
    declaration,
    comment,
    bogus_comment,
    raw_text,
  };

  std::size_t in_text(std::string_view piece);
  std::size_t in_comment(std::string_view piece);
  std::size_t in_raw_text(std::string_view piece);
  std::size_t in_quotes(std::string_view piece, char quote);
  std::size_t in_tag_name(std::string_view piece);
  std::size_t in_attribute_name(std::string_view piece);
  std::size_t in_plain_value(std::string_view piece);
  bool step(char c);
  bool step_reference(char c);
  bool step_declaration(char c);
  bool step_attributes(char c);
  void end_reference(char next);
  void begin_tag(bool is_end);
  void end_attribute_name();
  void add_to_value(std::string_view piece);
  void end_tag();
  void go(Place place) { place_ = place; }

  HtmlTokenHandler& handler_;
  Place place_ = Place::text;
  std::string held_;  // of a reference, an attribute's name or a declaration; bounded
  HtmlTag tag_;
  bool is_end_tag_ = false;
  std::size_t kept_attribute_ = HtmlTag::attributes_kept;
  std::size_t dashes_ = 0;  // before the place in a comment, at most 2
  bool exclamation_ = false;
  std::size_t matched_ = 0;  // of "</" and raw_name_ in raw text
  std::string raw_end_;
};

}  // namespace smtpgate::converter
