// Content-Type and Content-Disposition as RFC 2045, 2183 and 2231 have them and as they arrive.
#include <string>

#include "converter/mime_parameters.h"
#include "unit/catch.h"
#include "unit/processor_time.h"

using namespace smtpgate::converter;

namespace {

std::string parameter_of(std::string_view value, std::string_view name) {
  return std::string(parse_parameterized(value).parameter(name));
}

/// The file name that a disposition with these parameters gives.
std::string file_name(std::string_view parameters) {
  return parameter_of("attachment; " + std::string(parameters), "filename");
}

bool is_odd(std::string_view value) {
  return parse_parameterized(value).odd;
}

}  // namespace

TEST_CASE("well-formed values") {
  const ParameterizedValue value = parse_parameterized(
      " Text/Plain; charset=US-ASCII; Format=\"flowed\" (a comment) ;delsp=yes");
  CHECK(value.value == "text/plain");
  CHECK(value.parameter("charset") == "US-ASCII");
  CHECK(value.parameter("Format") == "flowed");
  CHECK(value.parameter("delsp") == "yes");
  CHECK(value.parameter("other").empty());
  CHECK(value.parameters.size() == 3);
  CHECK_FALSE(value.odd);
  CHECK(parse_parameterized("inline").value == "inline");
  CHECK_FALSE(is_odd("inline;"));
  CHECK(parse_parameterized("(c) text/html (d); charset (e) = (f) utf-8 (g)").value == "text/html");
  CHECK(parameter_of("(c) text/html (d); charset (e) = (f) utf-8 (g)", "charset") == "utf-8");
  CHECK(parameter_of("multipart/mixed;\r\n\tboundary=\"a b\"", "boundary") == "a b");
  CHECK(parameter_of("multipart/mixed; boundary=----=_Part_1", "boundary") == "----=_Part_1");
  CHECK(parameter_of("a/b; x=\"q\\\"u\\o\\\\te\"", "x") == "q\"uo\\te");
}

TEST_CASE("RFC 2231: sets, languages and continuations") {
  CHECK(parameter_of("message/external-body; access-type=URL; URL*0=\"ftp://\"; "
                     "URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
                     "url") == "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar");
  CHECK(parameter_of("a/b; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title") ==
        "This is ***fun***");
  CHECK(parameter_of("a/b; title*0*=us-ascii'en'This%20is%20even%20more%20; "
                     "title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
                     "title") == "This is even more ***fun*** isn't it!");
  CHECK(file_name("filename*=UTF-8''na%C3%AFve.txt") == "naïve.txt");
  CHECK(file_name("filename*=iso-8859-1''na%EFve.txt") == "naïve.txt");
  CHECK_FALSE(is_odd("attachment; filename*=UTF-8''na%C3%AFve.txt"));
}

TEST_CASE("RFC 2231 as it arrives: out of order, incomplete, doubled, quoted, unlabelled") {
  CHECK(file_name("filename*1=b; filename*0=a; filename*2=c") == "abc");
  CHECK(file_name("filename*10=k; filename*0=a; filename*1=b; filename*2=c; filename*3=d; "
                  "filename*4=e; filename*5=f; filename*6=g; filename*7=h; filename*8=i; "
                  "filename*9=j") == "abcdefghijk");
  CHECK(file_name("filename*0=a; filename*2=c") == "ac");
  CHECK(file_name("filename*1=b; filename*2=c") == "bc");
  CHECK(is_odd("attachment; filename*0=a; filename*2=c"));
  CHECK(file_name("filename*0=a; filename*0=x; filename*1=b") == "ab");
  CHECK(file_name("filename*=\"UTF-8''na%C3%AFve.txt\"") == "naïve.txt");
  CHECK(file_name("filename*=na%C3%AFve.txt") == "naïve.txt");
  CHECK(file_name("filename*=na%EFve.txt") == "naïve.txt");
  CHECK(file_name("filename*=x-none''na%C3%AFve.txt") == "naïve.txt");
  CHECK(file_name("filename*=utf-8''100%.txt") == "100%.txt");
  // A character cut between pieces.
  CHECK(file_name("filename*0*=utf-8''%E2%82; filename*1*=%AC.txt") == "€.txt");
}

TEST_CASE("the extended form wins over the plain one, else the first counts") {
  CHECK(file_name("filename=\"plain.txt\"; filename*=utf-8''%C3%A9.txt") == "é.txt");
  CHECK(file_name("filename*=utf-8''%C3%A9.txt; filename=\"plain.txt\"") == "é.txt");
  CHECK(file_name("filename=one; filename=two") == "one");
  CHECK(is_odd("attachment; filename=one; filename=two"));
  CHECK(parse_parameterized("a/b; x=1; X=2").parameters.size() == 1);
}

TEST_CASE("encoded words and raw octets in values") {
  CHECK(file_name("filename=\"=?utf-8?B?w6kudHh0?=\"") == "é.txt");
  CHECK(file_name("filename==?utf-8?Q?=C3=A9.txt?=") == "é.txt");
  CHECK(file_name("filename=\"=?utf-8?Q?=C3?=\r\n =?utf-8?Q?=A9.txt?=\"") == "é.txt");
  CHECK(file_name("filename=\"\xE9.txt\"") == "é.txt");
  CHECK(file_name("filename=\"é.txt\"") == "é.txt");
  CHECK(file_name("filename*0=\"=?utf-8?B?w6ku\"; filename*1=\"dHh0?=\"") == "é.txt");
  // A boundary is octets, never text.
  CHECK(parameter_of("multipart/mixed; boundary=\"=?utf-8?Q?a?=\"", "boundary") == "=?utf-8?Q?a?=");
  CHECK(parameter_of("multipart/mixed; boundary=\"\xE9\"", "boundary") == "\xE9");
}

TEST_CASE("file names with blanks, backslashes and quotes") {
  CHECK(file_name("filename=my report (final).doc") == "my report (final).doc");
  CHECK(file_name("filename=my report.doc; size=3") == "my report.doc");
  CHECK(file_name("filename=\"C:\\dir\\file.txt\"") == "C:\\dir\\file.txt");
  CHECK(file_name("filename=\"C:\\\\dir\\\\file.txt\"") == "C:\\dir\\file.txt");
  CHECK(file_name("filename=C:\\dir\\file.txt") == "C:\\dir\\file.txt");
  CHECK(file_name("filename=\"a \\\"good\\\" name.txt\"") == "a \"good\" name.txt");
  CHECK(file_name("filename=\"a \"good\" name.txt\"") == "a \"good\" name.txt");
  CHECK(file_name("filename=\"a\"b\"c.txt\"; size=3") == "a\"b\"c.txt");
  CHECK(file_name("filename=\"semi;colon.txt\"") == "semi;colon.txt");
  CHECK(file_name("filename=\"../../etc/passwd\"") == "../../etc/passwd");  // not made safe here
  CHECK(file_name("filename=") == "");
  CHECK(file_name("filename=\"\"") == "");
}

TEST_CASE("file names with one mark too many") {
  CHECK(file_name("filename=\"\"a.pdf\"\"") == "a.pdf");
  CHECK(file_name("filename=\"<a.pdf>\"") == "a.pdf");
  CHECK(file_name("filename=<a.pdf>") == "a.pdf");
  CHECK(file_name("filename=\"a.pdf\\\"") == "a.pdf");
  CHECK(file_name("filename=\"long\r\n\tname.pdf\"") == "long name.pdf");
  CHECK(file_name("filename *0=a; filename *1=.pdf") == "a.pdf");
  CHECK(file_name("filename *=utf-8''%C3%A4.pdf") == "\xC3\xA4.pdf");
  CHECK(is_odd("attachment; filename=<a.pdf>"));
  CHECK(file_name("filename=\"<>\"") == "<>");
  CHECK(file_name("filename=\"a <b>.pdf\"") == "a <b>.pdf");
}

TEST_CASE("missing quotes and semicolons are forgiven") {
  CHECK(parameter_of("text/plain charset=utf-8", "charset") == "utf-8");
  CHECK(parse_parameterized("text/plain charset=utf-8").value == "text/plain");
  CHECK(is_odd("text/plain charset=utf-8"));
  CHECK(parameter_of("text/plain, charset=utf-8", "charset") == "utf-8");
  CHECK(parse_parameterized("text/plain, charset=utf-8").value == "text/plain");
  CHECK(parameter_of("multipart/mixed; boundary=\"abc", "boundary") == "abc");
  CHECK(parameter_of("multipart/mixed; boundary=\"abc; charset=utf-8", "boundary") == "abc");
  CHECK(parameter_of("multipart/mixed; boundary=\"abc; charset=utf-8", "charset") == "utf-8");
  CHECK(parameter_of("text/plain; format=flowed charset=utf-8", "charset") == "utf-8");
  CHECK(parameter_of("text/plain;; ;charset=utf-8;;", "charset") == "utf-8");
  CHECK(parameter_of("text/plain; us-ascii; charset=utf-8", "charset") == "utf-8");
  CHECK(parameter_of("text/plain; =x; charset=utf-8", "charset") == "utf-8");
  CHECK(parameter_of("filename=x.txt", "filename") == "x.txt");
  CHECK(parse_parameterized("filename=x.txt").value == "");
  CHECK(parse_parameterized("; charset=x").value == "");
  CHECK(parameter_of("; charset=x", "charset") == "x");
  CHECK(parse_parameterized("").value == "");
  CHECK(parse_parameterized("text / html; charset=x").value == "text/html");
  CHECK(parse_parameterized("\"text/html\"").value == "text/html");
}

TEST_CASE("the number of parameters has a limit") {
  std::string value = "a/b";
  for (int i = 0; i < 5000; ++i) value += "; p" + std::to_string(i) + "=" + std::to_string(i);
  const ParameterizedValue parsed = parse_parameterized(value);
  CHECK(parsed.parameters.size() == 100);
  CHECK(parsed.odd);
  CHECK(parsed.parameter("p99") == "99");
  CHECK(parsed.parameter("p100").empty());
}

TEST_CASE("content types") {
  const auto type_of = [](std::string value) { return parse_content_type(&value); };
  CHECK(type_of("Image/JPEG; name=x").str() == "image/jpeg");
  CHECK_FALSE(type_of("image/jpeg").is_default);
  CHECK(type_of("image/jpeg").is("image", "jpeg"));
  CHECK(parse_content_type(nullptr).str() == "text/plain");
  CHECK(parse_content_type(nullptr).is_default);
  CHECK_FALSE(parse_content_type(nullptr).parsed.odd);
  for (std::string_view bad : {"text", "", "text/", "/plain", "te xt/plain", "text/pl@in", ";",
                               "charset=utf-8", "\xFF/x"}) {
    INFO(bad);
    const ContentType type = type_of(std::string(bad));
    CHECK(type.str() == "text/plain");
    CHECK(type.is_default);
    CHECK(type.parsed.odd);
  }
  CHECK(type_of("text; charset=utf-8").parsed.parameter("charset") == "utf-8");
  CHECK(type_of("text/plain/x").str() == "text/plain");
}

TEST_CASE("hostile parameters take time in proportion") {
  for (std::string_view unit : {"(", "()", "\"", "; a=\"", ";a=b", ";", "=", " ", "\\", "a/", "/ ",
                                "; name*0=a", "; name*0*=%", "; a*=x'y'z", "; name=\"a\"b", "(\\",
                                "; name==?utf-8?q?", "; a = b", ", "}) {
    std::string value = "text/plain; ";
    while (value.size() < (1U << 18)) value += unit;
    INFO(unit);
    const smtpgate::test::ProcessorTime took;
    parse_parameterized(value);
    // Quadratic work would be minutes; the bound leaves room for busy machines and sanitizers.
    CHECK(took.seconds() < 10);
  }
}
