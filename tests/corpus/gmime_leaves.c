/* What GMime finds in a message: for tests/corpus/changed, which compiles and asks it. Not part of smtpgate.
 *
 * Reads names of files, a line each; for each prints a line "TYPE SHA256 SHA256-WITHOUT-CR-AND-LAST-LINE-ENDS OCTETS"
 * for every leaf, those of enclosed messages included, and then "end".
 */
#include <gmime/gmime.h>
#include <stdio.h>
#include <string.h>

enum { deepest = 200 };

static void print_leaf(GMimeObject *part) {
  GMimeStream *stream = g_mime_stream_mem_new();
  GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(part));
  if (content != NULL) g_mime_data_wrapper_write_to_stream(content, stream);
  const GByteArray *octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
  GByteArray *plain = g_byte_array_new();
  for (guint at = 0; at < octets->len; ++at) {
    const gboolean ends_line = at + 1 < octets->len && octets->data[at + 1] == '\n';
    if (octets->data[at] != '\r' || !ends_line) g_byte_array_append(plain, octets->data + at, 1);
  }
  while (plain->len > 0 && plain->data[plain->len - 1] == '\n') g_byte_array_set_size(plain, plain->len - 1);
  gchar *exact = g_compute_checksum_for_data(G_CHECKSUM_SHA256, octets->data, octets->len);
  gchar *normalised = g_compute_checksum_for_data(G_CHECKSUM_SHA256, plain->data, plain->len);
  gchar *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(part));
  for (char *c = type; *c != '\0'; ++c) {
    if (g_ascii_isspace(*c)) *c = '_';
  }
  printf("%s %s %s %u\n", type, exact, normalised, plain->len);
  g_free(type);
  g_free(normalised);
  g_free(exact);
  g_byte_array_unref(plain);
  g_object_unref(stream);
}

static void walk(GMimeObject *part, int depth) {
  if (part == NULL || depth > deepest) return;
  if (GMIME_IS_MULTIPART(part)) {
    const int count = g_mime_multipart_get_count(GMIME_MULTIPART(part));
    for (int i = 0; i < count; ++i) walk(g_mime_multipart_get_part(GMIME_MULTIPART(part), i), depth + 1);
  } else if (GMIME_IS_MESSAGE_PART(part)) {
    GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(part));
    if (message != NULL) walk(g_mime_message_get_mime_part(message), depth + 1);
  } else if (GMIME_IS_PART(part)) {
    print_leaf(part);
  }
}

int main(void) {
  char path[4096];
  g_mime_init();
  while (fgets(path, sizeof path, stdin) != NULL) {
    path[strcspn(path, "\n")] = '\0';
    gchar *octets = NULL;
    gsize size = 0;
    if (g_file_get_contents(path, &octets, &size, NULL)) {
      GMimeStream *stream = g_mime_stream_mem_new_with_buffer(octets, size);
      GMimeParser *parser = g_mime_parser_new_with_stream(stream);
      GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
      if (message != NULL) {
        walk(g_mime_message_get_mime_part(message), 0);
        g_object_unref(message);
      }
      g_object_unref(parser);
      g_object_unref(stream);
      g_free(octets);
    }
    puts("end");
    fflush(stdout);
  }
  return 0;
}
