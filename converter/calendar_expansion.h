// A calendar part as readable text, for a message that says nothing otherwise: the lines of its
// first event, and that event's description. The part itself is attached as it is.
#pragma once

#include "converter/calendar_reader.h"
#include "converter/leaf_expansion.h"

namespace smtpgate::converter {

class CalendarExpansion : public LeafExpansion {
 public:
  CalendarExpansion(const ExpansionContext& context, const ContentType& type)
      : context_(context),
        reader_(type.parsed.parameter("charset"), type.parsed.parameter("method")) {}

  void feed(std::string_view octets) override { reader_.feed(octets); }
  void finish() override;
  std::vector<std::string> marks() const override { return {}; }
  const std::optional<postoffice::FileError>& error() const override { return error_; }

 private:
  ExpansionContext context_;
  CalendarReader reader_;
  std::optional<postoffice::FileError> error_;
};

}  // namespace smtpgate::converter
