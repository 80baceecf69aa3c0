// SVG: see the header.
#include "milter/plots.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "milter/html.h"

namespace smtpgate::milter {

namespace {

// In units of the drawing, which the page scales to its column.
constexpr double width = 620;
constexpr double height = 220;
constexpr double left = 52;
constexpr double right = width - 8;
constexpr double top = 10;
constexpr double bottom = height - 26;
constexpr std::int64_t hour = 3600;

std::string begin_plot(const std::string& id, const std::string& title,
                       const std::string& description) {
  return fmt::format(
      "<svg class=\"plot\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{}-title "
      "{}-about\"><title id=\"{}-title\">{}</title><desc id=\"{}-about\">{}</desc>\n",
      width, height, id, id, id, escape_html(title), id, escape_html(description));
}

std::string text_at(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>", x, y, anchor,
                     escape_html(text));
}

std::string grid_line(double y, const std::string& label) {
  return fmt::format("<line class=\"grid\" x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\"/>", left,
                     y, right, y) +
         text_at(left - 6, y + 4, "end", label) + "\n";
}

/// Where columns are.
class TimeAxis {
 public:
  explicit TimeAxis(const StatusReport& report)
      : report_(report),
        step_((right - left) / static_cast<double>(std::max<std::size_t>(report.bins.size(), 1))) {}
  double step() const { return step_; }
  double begin(std::size_t bin) const { return left + step_ * static_cast<double>(bin); }
  double middle(std::size_t bin) const { return begin(bin) + step_ / 2; }
  /// A mark at each full hour.
  std::string marks() const {
    std::string result =
        fmt::format("<line class=\"axis\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>", left, bottom,
                    right, bottom);
    for (std::size_t i = 0; i < report_.bins.size(); ++i) {
      if (report_.bins[i].begin % hour != 0) continue;
      const double x = begin(i);
      result +=
          fmt::format("<line class=\"axis\" x1=\"{:.1f}\" y1=\"{}\" x2=\"{:.1f}\" y2=\"{}\"/>", x,
                      bottom, x, bottom + 4);
      if (x > right - 20) continue;
      result += text_at(x, height - 8, "middle", short_clock(report_.bins[i].begin));
    }
    return result + "\n";
  }

 private:
  const StatusReport& report_;
  double step_;
};

/// 1, 2 or 5 times a power of ten, so that at most four steps reach `most`.
double nice_step(double most) {
  double step = 1;
  for (int i = 0; step * 4 < most; ++i) step *= i % 3 == 1 ? 2.5 : 2;
  return step;
}

std::string rectangle(const char* kind, double x, double y, double wide, double high) {
  if (high <= 0) return {};
  return fmt::format(
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>", kind, x,
      y, wide, high);
}

/// The scale of the latency plot: from a tenth of a millisecond, each factor of ten as high.
class LatencyScale {
 public:
  explicit LatencyScale(const StatusReport& report) {
    double slowest = 0.1;
    for (const BinReport& bin : report.bins) slowest = std::max(slowest, bin.slow_seconds);
    highest_ = std::ceil(std::log10(slowest));
  }
  double y(double seconds) const {
    const double part = (std::log10(std::max(seconds, 1e-4)) - lowest) / (highest_ - lowest);
    return bottom - std::clamp(part, 0.0, 1.0) * (bottom - top);
  }
  std::string grid() const {
    std::string result;
    for (double power = lowest; power <= highest_; ++power) {
      const double seconds = std::pow(10, power);
      const std::string label = seconds < 0.001 ? "0.1 ms"
                                : seconds < 1   ? fmt::format("{:.0f} ms", seconds * 1000)
                                                : fmt::format("{:.0f} s", seconds);
      result += grid_line(y(seconds), label);
    }
    return result;
  }

 private:
  static constexpr double lowest = -4;
  double highest_;
};

/// A line through the columns that have messages, broken where there are none, with a dot for each,
/// so that one alone is seen.
std::string curve(const StatusReport& report, const TimeAxis& axis, const LatencyScale& scale,
                  double BinReport::* value, const char* kind) {
  std::string line;
  std::string dots;
  bool is_open = false;
  for (std::size_t i = 0; i < report.bins.size(); ++i) {
    const double seconds = report.bins[i].*value;
    if (seconds <= 0) {
      is_open = false;
      continue;
    }
    const double x = axis.middle(i);
    const double y = scale.y(seconds);
    line += fmt::format("{}{:.1f} {:.1f}", is_open ? "L" : "M", x, y);
    dots += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"1.8\"/>", kind, x, y);
    is_open = true;
  }
  if (line.empty()) return {};
  return fmt::format("<path class=\"{}\" d=\"{}\"/>{}\n", kind, line, dots);
}

std::string span_of(const StatusReport& report) {
  if (report.bins.empty()) return "no time yet";
  return "from " + short_clock(report.bins.front().begin) + " to " +
         short_clock(report.bins.back().begin + report.bin_seconds);
}

}  // namespace

std::string throughput_plot(const StatusReport& report) {
  std::uint64_t most = 0;
  std::array<std::uint64_t, 3> sums{};
  for (const BinReport& bin : report.bins) {
    most = std::max(most, bin.door_1 + bin.door_2 + bin.out);
    sums[0] += bin.door_1;
    sums[1] += bin.door_2;
    sums[2] += bin.out;
  }
  const double step = nice_step(static_cast<double>(most));
  const double end = step * std::max(1.0, std::ceil(static_cast<double>(most) / step));
  const auto high = [&](std::uint64_t count) {
    return static_cast<double>(count) / end * (bottom - top);
  };
  std::string plot = begin_plot(
      "throughput", fmt::format("Messages in each {} minutes", report.bin_seconds / 60),
      fmt::format("{}: {} by door 1, {} by door 2, {} sent out; at most {} in one column",
                  span_of(report), sums[0], sums[1], sums[2], most));
  for (double value = 0; value <= end; value += step) {
    plot += grid_line(bottom - value / end * (bottom - top),
                      number_text(static_cast<std::uint64_t>(value)));
  }
  const TimeAxis axis(report);
  const double wide = std::max(axis.step() - 1.5, 1.0);
  for (std::size_t i = 0; i < report.bins.size(); ++i) {
    const BinReport& bin = report.bins[i];
    double y = bottom;
    const auto add = [&](const char* kind, std::uint64_t count) {
      y -= high(count);
      plot += rectangle(kind, axis.begin(i) + 0.75, y, wide, high(count));
    };
    add("door-1", bin.door_1);
    add("door-2", bin.door_2);
    add("out", bin.out);
  }
  return plot + axis.marks() + "</svg>\n";
}

std::string latency_plot(const StatusReport& report) {
  std::string plot = begin_plot(
      "latency", "Time from the end of a message to our reply",
      fmt::format("{}: in the last hour the median was {}, 95 of 100 messages took less than {}",
                  span_of(report), latency_text(report.hour.median_seconds),
                  latency_text(report.hour.slow_seconds)));
  const LatencyScale scale(report);
  plot += scale.grid();
  const TimeAxis axis(report);
  plot += curve(report, axis, scale, &BinReport::slow_seconds, "slow");
  plot += curve(report, axis, scale, &BinReport::median_seconds, "median");
  return plot + axis.marks() + "</svg>\n";
}

}  // namespace smtpgate::milter
