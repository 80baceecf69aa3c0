// Certificates for the tests of TLS, made when they are needed: a root, and a server's signed by
// it, for any name and any time.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace smtpgate::test {

struct KeyAndCertificate {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;

  std::string pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509(memory.get(), certificate.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
  }
};

inline void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()), &X509_EXTENSION_free);
  if (!extension) throw std::runtime_error("no such extension: " + value);
  X509_add_ext(certificate, extension.get(), -1);
}

/// Signed by `issuer`, or by itself. `names` as subjectAltName wants them: "DNS:a,IP:127.0.0.1";
/// empty: a root. Valid from an hour ago for `seconds` more (negative: expired).
inline KeyAndCertificate make_certificate(const KeyAndCertificate* issuer, const std::string& names,
                                          long seconds = 3600) {
  KeyAndCertificate made;
  made.key.reset(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  made.certificate.reset(X509_new(), &X509_free);
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* name = X509_get_subject_name(certificate);
  const std::string common = "test " + std::to_string(serial);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509* signer = issuer ? issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  add_extension(certificate, signer, NID_basic_constraints,
                names.empty() ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!names.empty()) add_extension(certificate, signer, NID_subject_alt_name, names);
  X509_sign(certificate, issuer ? issuer->key.get() : made.key.get(), EVP_sha256());
  return made;
}

inline std::shared_ptr<SSL_CTX> server_context(const KeyAndCertificate& own) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), own.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), own.key.get());
  return context;
}

}  // namespace smtpgate::test
