// Lists of MAPI properties as TNEF has them: of a message, of an attachment, and the table of
// recipients. Octets in, in pieces of any size; values out, as events; nothing is kept. Not for
// what a property means.
//
// Source: MS-OXTNEF 2.1.3.4 (MsgPropertyList, MsgPropertyTable).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace smtpgate::converter {

struct MapiProperty {
  std::uint16_t type = 0;         ///< tnef::type, without the flag of multiple values
  std::uint16_t id = 0;           ///< tnef::property
  std::array<char, 16> set{};     ///< of a named property
  std::uint32_t named_id = 0;     ///< its identifier; 0 if it is named by a string
  std::uint32_t value_index = 0;  ///< of several values, which

  bool is_named() const { return id >= 0x8000; }
  std::string_view set_octets() const { return {set.data(), set.size()}; }
};

class MapiPropertyHandler {
 public:
  virtual ~MapiPropertyHandler() = default;
  virtual void begin_value(const MapiProperty& property, std::uint32_t size) = 0;
  virtual void value_octets(std::string_view octets) = 0;
  /// `is_whole`: all its octets came.
  virtual void end_value(bool is_whole) = 0;
  /// The table only: one recipient is complete.
  virtual void end_row() = 0;
};

class MapiPropertyReader {
 public:
  /// `properties_left` counts down and is shared with other readers; both references outlive the
  /// reader.
  MapiPropertyReader(MapiPropertyHandler& handler, bool is_table, std::uint32_t& properties_left);

  void feed(std::string_view piece);
  void finish();

  /// A type that nobody knows, or an end inside the list.
  bool is_damaged() const { return is_damaged_; }
  bool is_limit_broken() const { return is_limit_broken_; }

 private:
  enum class State {
    row_count,
    property_count,
    tag,
    set,
    name_kind,
    name_id,
    name_length,
    name,
    value_count,
    value_length,
    value,
    padding,
    done,
  };
  bool gather(std::string_view& piece);
  void take(std::string_view field);
  void expect(State state, std::size_t size);
  void begin_row();
  void next_row();
  void next_property();
  void begin_values();
  void next_value();
  void begin_value(std::uint32_t size);
  void after_octets();
  void give_up();

  MapiPropertyHandler& handler_;
  bool is_table_;
  std::uint32_t& properties_left_;
  State state_ = State::done;
  std::array<char, 16> held_{};
  std::size_t held_size_ = 0;
  std::size_t wanted_ = 0;  ///< octets of the field being gathered
  std::uint32_t rows_ = 1;
  std::uint32_t properties_ = 0;  ///< still to come, in this row
  std::uint32_t values_ = 0;      ///< still to come, of this property
  std::uint64_t left_ = 0;        ///< octets of the name or value
  std::size_t padding_ = 0;
  bool is_multiple_ = false;
  MapiProperty property_;
  bool is_damaged_ = false;
  bool is_limit_broken_ = false;
};

}  // namespace smtpgate::converter
