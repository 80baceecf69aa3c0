// See base64_quanta.h. Clean lines go a vector at a time, the rest of a line four characters at a
// time over four tables. The portable loop has the compiler's vectors, which ask for no instruction
// beyond the baseline; processors with AVX2 have a loop of their own, chosen when the program runs,
// because packages are built for the baseline.
#include "converter/base64_quanta.h"

#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace smtpgate::converter {
namespace {

constexpr std::array<Base64Table, 4> tables = {make_base64_table(18), make_base64_table(12),
                                               make_base64_table(6), make_base64_table(0)};

constexpr std::size_t vector_size = 16;
using Characters = signed char __attribute__((vector_size(vector_size)));
using Pairs = std::uint16_t __attribute__((vector_size(vector_size)));
using Quanta = std::uint32_t __attribute__((vector_size(vector_size)));
using Halves = std::uint64_t __attribute__((vector_size(vector_size)));

/// The twelve octets of sixteen characters, in the lower 48 bits of each half; false if one of them
/// is not of the alphabet.
bool decode_vector(const unsigned char* at, Halves& octets) {
  Characters c;
  std::memcpy(&c, at, sizeof c);
  // Octets above 127 are negative here and in none of the ranges.
  const Characters upper = (c >= 'A') & (c <= 'Z');
  const Characters lower = (c >= 'a') & (c <= 'z');
  const Characters digit = (c >= '0') & (c <= '9');
  const Characters plus = c == '+';
  const Characters slash = c == '/';
  const auto valid = reinterpret_cast<Halves>(upper | lower | digit | plus | slash);
  if ((valid[0] & valid[1]) != ~std::uint64_t{0}) return false;
  const Characters sextets = c + ((upper & -'A') | (lower & (26 - 'a')) | (digit & (52 - '0')) |
                                  (plus & (62 - '+')) | (slash & (63 - '/')));
  // The first character is in the lowest octet of its lane and belongs on top of the quantum.
  const auto singles = reinterpret_cast<Pairs>(sextets);
  const Pairs pairs = ((singles & 0xff) << 6) | (singles >> 8);
  const auto twos = reinterpret_cast<Quanta>(pairs);
  const Quanta fours = ((twos & 0xffff) << 12) | (twos >> 16);
  const auto quanta = reinterpret_cast<Halves>(fours);
  octets = ((quanta & 0xffffffff) << 24) | (quanta >> 32);
  return true;
}

// One store of eight, the last two of which do not count.
char* put_six(char* to, std::uint64_t octets) {
  octets <<= 16;
  if constexpr (std::endian::native == std::endian::little) octets = __builtin_bswap64(octets);
  std::memcpy(to, &octets, sizeof octets);
  return to + 6;
}

#if defined(__x86_64__)

// Tables over the two halves of an octet, as W. Mula and D. Lemire describe them ("Faster Base64
// Encoding and Decoding Using AVX2 Instructions", 2018): an octet is of the alphabet if no bit is
// in both its lower half's entry and its upper half's.
using HalfTable = std::array<signed char, 16>;

constexpr signed char class_of_upper_half(unsigned half) {
  switch (half) {
    case 2:
      return 1;  // '+' and '/'
    case 3:
      return 2;  // digits
    case 4:
    case 6:
      return 4;  // A to O, a to o
    case 5:
    case 7:
      return 8;  // P to Z, p to z
    default:
      return 16;  // nothing: every lower half has this bit
  }
}

constexpr HalfTable upper_classes = [] {
  HalfTable table{};
  for (unsigned half = 0; half < 16; ++half) table[half] = class_of_upper_half(half);
  return table;
}();

// The classes that do not have this lower half.
constexpr HalfTable lower_classes = [] {
  HalfTable table{};
  table.fill(16);
  for (unsigned octet = 0x20; octet < 0x80; ++octet) {
    if (base64_alphabet.find(static_cast<char>(octet)) == std::string_view::npos) {
      table[octet % 16] =
          static_cast<signed char>(table[octet % 16] | class_of_upper_half(octet / 16));
    }
  }
  return table;
}();

// What makes a character its value, by its upper half; '/' alone differs from its neighbour '+' and
// has the unused place before it.
constexpr HalfTable to_value = {0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a',
                                0, 0,        0,        0,        0,    0,    0,        0};

// Of a line as mail has it (RFC 2045, 6.8), after its whole vectors.
constexpr std::size_t usual_rest = 76 % sizeof(__m256i);

// From three octets with a fourth to their places, most significant first, twelve of each sixteen.
constexpr HalfTable packed = {2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1};

__attribute__((target("avx2"))) inline __m256i in_both_lanes(const HalfTable& table) {
  return _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}

__attribute__((target("avx2"))) const unsigned char* decode_quanta_with_avx2(
    const unsigned char* at, const unsigned char* end, char*& to) {
  const __m256i half = _mm256_set1_epi8(0x0f);
  const __m256i slash = _mm256_set1_epi8('/');
  const __m256i first_shift = _mm256_set1_epi32(0x01400140);   // c0 << 6 | c1
  const __m256i second_shift = _mm256_set1_epi32(0x00011000);  // those << 12 | the next two
  const __m256i both_lanes = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
  const __m256i lower = in_both_lanes(lower_classes);
  const __m256i upper = in_both_lanes(upper_classes);
  const __m256i value = in_both_lanes(to_value);
  const __m256i pack = in_both_lanes(packed);
  while (end - at >= static_cast<std::ptrdiff_t>(sizeof(__m256i))) {
    const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i upper_half = _mm256_and_si256(_mm256_srli_epi32(c, 4), half);
    const __m256i wrong = _mm256_and_si256(_mm256_shuffle_epi8(lower, _mm256_and_si256(c, half)),
                                           _mm256_shuffle_epi8(upper, upper_half));
    const __m256i sextets = _mm256_add_epi8(
        c, _mm256_shuffle_epi8(value, _mm256_add_epi8(_mm256_cmpeq_epi8(c, slash), upper_half)));
    const __m256i quanta =
        _mm256_madd_epi16(_mm256_maddubs_epi16(sextets, first_shift), second_shift);
    const __m256i octets =
        _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(quanta, pack), both_lanes);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), octets);
    const auto right = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(wrong, _mm256_setzero_si256())));
    if (right == ~std::uint32_t{0}) {
      at += 32;
      to += 24;
      continue;
    }
    // The quanta before the first wrong character are good. The end of the usual line (76
    // characters) has a branch of its own: the processor foresees it and need not wait for `right`
    // to know where the next line begins.
    const auto clean = static_cast<std::size_t>(std::countr_one(right));
    if (clean == usual_rest) {
      at += usual_rest;
      to += usual_rest / 4 * 3;
    } else {
      at += clean / 4 * 4;
      to += clean / 4 * 3;
    }
    if (clean % 4 != 0 || end - at < 2 || at[0] != '\r' || at[1] != '\n') return at;
    at += 2;
  }
  return decode_quanta_portably(at, end, to);
}

#endif

}  // namespace

const unsigned char* decode_quanta_portably(const unsigned char* at, const unsigned char* end,
                                            char*& to) {
  for (;;) {
    if constexpr (std::endian::native == std::endian::little) {
      Halves octets{};
      while (end - at >= static_cast<std::ptrdiff_t>(vector_size) && decode_vector(at, octets)) {
        to = put_six(to, octets[0]);
        to = put_six(to, octets[1]);
        at += vector_size;
      }
    }
    while (end - at >= 4) {
      const std::uint32_t quantum =
          tables[0][at[0]] | tables[1][at[1]] | tables[2][at[2]] | tables[3][at[3]];
      if ((quantum & no_base64) != 0) break;
      to = put_three(to, quantum);
      at += 4;
    }
    if (end - at < 2 || at[0] != '\r' || at[1] != '\n') return at;
    at += 2;
  }
}

Base64Quanta fastest_base64_quanta() {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return &decode_quanta_with_avx2;
#endif
  return &decode_quanta_portably;
}

}  // namespace smtpgate::converter
