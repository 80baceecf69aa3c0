// A milter that does nothing: it takes every message as ours does, and answers DISCARD, or deletes
// every recipient. What it costs is what any milter costs that claims so.
//
// For tests/bench/run.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <libmilter/mfapi.h>
#include <sys/stat.h>
#include <sysexits.h>

namespace {

bool deletes = false;

using Recipients = std::vector<std::string>;

Recipients* recipients_of(SMFICTX* context) {
  auto* known = static_cast<Recipients*>(smfi_getpriv(context));
  if (known != nullptr) return known;
  auto fresh = std::make_unique<Recipients>();
  smfi_setpriv(context, fresh.get());
  return fresh.release();
}

sfsistat on_negotiate(SMFICTX* /*context*/, unsigned long /*actions*/, unsigned long steps,
                      unsigned long /*f2*/, unsigned long /*f3*/, unsigned long* our_actions,
                      unsigned long* our_steps, unsigned long* reserved_2,
                      unsigned long* reserved_3) {
  *our_actions = SMFIF_DELRCPT;
  *our_steps = steps & (SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_NR_CONN | SMFIP_NR_MAIL |
                        SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY | SMFIP_HDR_LEADSPC);
  *reserved_2 = 0;
  *reserved_3 = 0;
  return SMFIS_CONTINUE;
}

sfsistat on_connect(SMFICTX* context, char* /*name*/, _SOCK_ADDR* /*address*/) {
  recipients_of(context);
  return SMFIS_NOREPLY;
}

sfsistat on_mail(SMFICTX* context, char** /*arguments*/) {
  recipients_of(context)->clear();
  return SMFIS_NOREPLY;
}

sfsistat on_recipient(SMFICTX* context, char** arguments) {
  recipients_of(context)->emplace_back(arguments[0]);
  return SMFIS_CONTINUE;
}

sfsistat on_header(SMFICTX* /*context*/, char* /*name*/, char* /*value*/) {
  return SMFIS_NOREPLY;
}
sfsistat on_end_of_headers(SMFICTX* /*context*/) {
  return SMFIS_NOREPLY;
}
sfsistat on_body(SMFICTX* /*context*/, unsigned char* /*piece*/, size_t /*size*/) {
  return SMFIS_NOREPLY;
}

sfsistat on_end_of_message(SMFICTX* context) {
  if (!deletes) return SMFIS_DISCARD;
  for (std::string& path : *recipients_of(context)) smfi_delrcpt(context, path.data());
  return SMFIS_CONTINUE;
}

sfsistat on_close(SMFICTX* context) {
  const std::unique_ptr<Recipients> last(static_cast<Recipients*>(smfi_getpriv(context)));
  smfi_setpriv(context, nullptr);
  return SMFIS_CONTINUE;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || (std::strcmp(argv[1], "discard") != 0 && std::strcmp(argv[1], "delete") != 0)) {
    std::fprintf(stderr, "usage: floor_milter discard|delete SOCKET\n");
    return EX_USAGE;
  }
  deletes = std::strcmp(argv[1], "delete") == 0;
  smfiDesc description{};
  std::string name = "floor";
  description.xxfi_name = name.data();
  description.xxfi_version = SMFI_VERSION;
  description.xxfi_flags = SMFIF_DELRCPT;
  description.xxfi_connect = on_connect;
  description.xxfi_envfrom = on_mail;
  description.xxfi_envrcpt = on_recipient;
  description.xxfi_header = on_header;
  description.xxfi_eoh = on_end_of_headers;
  description.xxfi_body = on_body;
  description.xxfi_eom = on_end_of_message;
  description.xxfi_close = on_close;
  description.xxfi_negotiate = on_negotiate;
  std::string connection = std::string("unix:") + argv[2];
  ::umask(0);
  if (smfi_register(description) != MI_SUCCESS || smfi_setconn(connection.data()) != MI_SUCCESS) {
    return EX_SOFTWARE;
  }
  smfi_setbacklog(512);
  return smfi_main() == MI_SUCCESS ? EX_OK : EX_OSERR;
}
