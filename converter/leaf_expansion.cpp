// Which attachment is which container.
#include "converter/leaf_expansion.h"

#include "converter/apple_file.h"
#include "converter/binhex_expansion.h"
#include "converter/calendar_expansion.h"
#include "converter/tnef_expansion.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

std::unique_ptr<LeafExpansion> make_leaf_expansion(const ContentType& type,
                                                   const PartDescription& description,
                                                   const ExpansionContext& context,
                                                   bool is_named_late) {
  const bool is_tnef = type.is("application", "ms-tnef") || type.is("application", "vnd.ms-tnef") ||
                       equals_ignoring_case(description.name, "winmail.dat");
  if (is_tnef && !is_named_late) return std::make_unique<TnefExpansion>(context, true);
  if (type.is("application", "applefile")) return std::make_unique<AppleFileReader>(context);
  if (is_binhex(type)) return std::make_unique<BinhexExpansion>(context);
  if (type.type == "application" && !is_named_late) {
    return std::make_unique<TnefExpansion>(context, false);
  }
  if (type.is("text", "calendar")) {
    if (!context.substitute.is_free()) return nullptr;
    return std::make_unique<CalendarExpansion>(context, type);
  }
  return nullptr;
}

}  // namespace smtpgate::converter
