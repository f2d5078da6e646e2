#include "provenance/sign.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/files.h"
#include "base/text.h"
#include "provenance/c2pa_library.h"
#include "provenance/manifest.h"
#include "provenance/read.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char* kType = "video/mp4";
// A manifest has a few kilobytes, and with thumbnails and what sources bring along some more; the rest of the output is
// the input.
constexpr std::int64_t kMostManifestBytes = 256 << 20;

ordered_json sign_settings() {
  ordered_json settings = c2pa_offline_settings();
  settings["verify"]["verify_after_sign"] = true;
  settings["builder"] = {{"thumbnail", {{"enabled", false}}},
                         {"bmff_hash_exclude_free_and_skip_boxes", false},
                         {"ignore_ingredient_errors", false}};
  return settings;
}

Descriptor open_to_read(const fs::path& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  require(file.get() >= 0, Fault::input, "{}: cannot be opened: {}", shown(path), std::strerror(errno));
  return file;
}

std::int64_t size_of(int fd) {
  struct stat info {};
  const bool known = fstat(fd, &info) == 0;
  require(known, Fault::output, "the video cannot be examined: {}", std::strerror(errno));
  return info.st_size;
}

// Bytes as a file, for what takes files.
Descriptor in_memory(const std::string& bytes) {
  Descriptor file(memfd_create("sora-gen", MFD_CLOEXEC));
  const bool written =
      file.get() >= 0 && write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  require(written, Fault::memory, "out of memory for a thumbnail: {}", std::strerror(errno));
  return file;
}

/// What the library calls to sign, and why it failed: no exception may pass through it.
struct Signing {
  const Signer& signer;
  std::string problem = {};
};

std::intptr_t sign_claim(const void* self, const std::uint8_t* data, std::size_t bytes, std::uint8_t* out,
                         std::size_t room) {
  auto& signing = *static_cast<Signing*>(const_cast<void*>(self));  // as it was given to signer_create
  try {
    const std::vector<std::uint8_t> signature = signing.signer.sign({data, bytes});
    require(signature.size() <= room, Fault::bug, "a signature has {} bytes, there is room for {}", signature.size(),
            room);
    std::copy(signature.begin(), signature.end(), out);
    return static_cast<std::intptr_t>(signature.size());
  } catch (const std::exception& error) {
    signing.problem = error.what();
    return -1;
  }
}

C2paOwned<C2paBuilder> make_builder(const ordered_json& definition) {
  C2paOwned<C2paBuilder> empty(c2pa().builder_from_context(c2pa_context(sign_settings()).get()));
  require(empty != nullptr, Fault::bug, "the C2PA library makes no builder: {}", c2pa_error());
  const std::string text = definition.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  C2paOwned<C2paBuilder> builder(c2pa().builder_with_definition(empty.release(), text.c_str()));
  require(builder != nullptr, Fault::bug, "the C2PA library refuses the manifest's definition: {}", c2pa_error());
  return builder;
}

void add_source(C2paBuilder* builder, const SourceMedia& source, std::size_t number, const std::string& type) {
  const Descriptor file = open_to_read(source.path);
  const C2paFile stream(file.get());
  const std::string json =
      ingredient_definition(source, number, type).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  require(c2pa().builder_add_ingredient_from_stream(builder, json.c_str(), type.c_str(), stream.get()) >= 0,
          Fault::input, "{}: cannot be made an ingredient of the video's manifest: {}", shown(source.path),
          c2pa_error());
}

void add_thumbnail(C2paBuilder* builder, const Thumbnail& thumbnail) {
  const Descriptor file = in_memory(thumbnail.bytes);
  const C2paFile stream(file.get());
  require(c2pa().builder_add_resource(builder, kThumbnailName, stream.get()) >= 0, Fault::bug,
          "the C2PA library refuses the thumbnail: {}", c2pa_error());
}

// With its own manifest, if there is one. A manifest that is damaged itself cannot be taken along; one that belongs to
// other media, or whose certificate has ended, can.
bool can_be_opened(const ManifestReport& report) {
  if (report.state != ManifestState::invalid) return report.state != ManifestState::unreadable;
  constexpr std::array kIntact{"assertion.bmffHash.mismatch", "assertion.dataHash.mismatch",
                               "assertion.boxesHash.mismatch", "signingCredential.expired"};
  return !report.label.empty() && std::all_of(report.faults.begin(), report.faults.end(), [&](const auto& fault) {
    return std::any_of(kIntact.begin(), kIntact.end(), [&](const char* code) { return fault.starts_with(code); });
  });
}

[[noreturn]] void fail_signing(const Signing& signing, const C2paFile& from, const C2paFile& to,
                               const SignOptions& options) {
  const std::string said = c2pa_error();
  require(signing.problem.empty(), Fault::bug, "{}", signing.problem);
  require(to.error() == 0, Fault::output, "the signed video cannot be written: {}", std::strerror(to.error()));
  require(from.error() == 0, Fault::output, "the video that is signed cannot be read: {}", std::strerror(from.error()));
  require(options.tsa.empty(), Fault::output,
          "the video cannot be signed with a time stamp of {}: {}; without --tsa it is signed without one",
          printable(options.tsa, 300), said);
  fail(Fault::input, "the video cannot be signed: {}", said);
}

}  // namespace

std::vector<SourceFinding> check_sources(const std::vector<SourceMedia>& sources, bool accept_broken) {
  std::vector<SourceFinding> findings;
  ManifestReader reader("");
  for (const SourceMedia& source : sources) {
    const ManifestReport report = reader.read(source.path);
    const bool broken = report.state == ManifestState::invalid;
    SourceFinding found;
    found.path = source.path;
    found.type = report.type;
    found.can_be_opened = can_be_opened(report);
    found.has_manifest = report.state != ManifestState::none && report.state != ManifestState::unreadable;
    if (broken) found.faults = report.faults;
    require(!broken || accept_broken, Fault::input,
            "{}: its C2PA manifest does not hold ({}): it was changed after it was signed, or the signature is not "
            "what it says; --accept-broken-sources makes the video all the same",
            shown(source.path), report.faults.empty() ? "no reason given" : printable(report.faults.front(), 300));
    findings.push_back(std::move(found));
  }
  return findings;
}

SignedVideo sign_mp4(int from, int to, const ProvenanceRecord& record, const Signer& signer,
                     const SignOptions& options) {
  SignedVideo result;
  result.sources = check_sources(record.sources, options.accept_broken_sources);
  result.manifest = new_manifest_label();
  ordered_json definition = manifest_definition(record, result.manifest);
  // What cannot be opened is named all the same.
  for (std::size_t i = 0; i < record.sources.size(); ++i) {
    if (!result.sources[i].can_be_opened)
      definition["ingredients"].push_back(ingredient_definition(record.sources[i], i, result.sources[i].type));
  }
  const C2paOwned<C2paBuilder> builder = make_builder(definition);
  for (std::size_t i = 0; i < record.sources.size(); ++i) {
    if (result.sources[i].can_be_opened) add_source(builder.get(), record.sources[i], i, result.sources[i].type);
  }
  if (record.thumbnail) add_thumbnail(builder.get(), *record.thumbnail);
  Signing signing{signer};
  const C2paOwned<C2paSigner> callback(c2pa().signer_create(&signing, sign_claim, static_cast<int>(signer.algorithm()),
                                                            signer.certificates().c_str(),
                                                            options.tsa.empty() ? nullptr : options.tsa.c_str()));
  require(callback != nullptr, Fault::input, "the C2PA library refuses the certificate: {}", c2pa_error());
  const bool emptied = ftruncate(to, 0) == 0;
  require(emptied, Fault::output, "the signed video cannot be written: {}", std::strerror(errno));
  const C2paFile source(from);
  const C2paFile target(to, size_of(from) + kMostManifestBytes);
  const std::uint8_t* manifest = nullptr;
  result.manifest_bytes =
      c2pa().builder_sign(builder.get(), kType, source.get(), target.get(), callback.get(), &manifest);
  const C2paOwned<const std::uint8_t> owned(manifest);
  if (result.manifest_bytes < 0) fail_signing(signing, source, target, options);
  return result;
}

SignedVideo sign_mp4(const fs::path& from, const fs::path& to, const ProvenanceRecord& record, const Signer& signer,
                     const SignOptions& options) {
  const Descriptor source = open_to_read(from);
  PartFile target(to, /*overwrite=*/false);
  SignedVideo result = sign_mp4(source.get(), target.fd(), record, signer, options);
  target.publish();
  return result;
}

}  // namespace sora
