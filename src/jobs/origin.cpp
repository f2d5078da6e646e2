#include "jobs/origin.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <functional>
#include <utility>

#include "base/output_name.h"
#include "base/sha256.h"
#include "base/text.h"
#include "jobs/stopwatch.h"
#include "jobs/thumbnail_sink.h"
#include "plan/prompts.h"
#include "provenance/audit.h"
#include "provenance/passphrase.h"
#include "provenance/sign.h"
#include "watermark/visible.h"

namespace sora {
namespace {

bool invisible(const Plan& plan) {
  const WatermarkKind kind = plan.provenance.watermark;
  return kind == WatermarkKind::invisible || kind == WatermarkKind::both;
}

bool visible(const Plan& plan) {
  const WatermarkKind kind = plan.provenance.watermark;
  return kind == WatermarkKind::visible || kind == WatermarkKind::both;
}

// Frames that go nowhere, or into a checksum, are nobody's video.
bool publishes(const Plan& plan) {
  const OutputKind kind = output_kind(plan.output.path);
  return kind != OutputKind::null && kind != OutputKind::md5;
}

bool signs(const Plan& plan) { return plan.provenance.sign && output_kind(plan.output.path) == OutputKind::mp4; }

std::string sha256_of(int fd) {
  Sha256 digest;
  std::vector<char> buffer(1 << 20);
  for (off_t at = 0;;) {
    const ssize_t n = pread(fd, buffer.data(), buffer.size(), at);
    require(n >= 0, Fault::output, "the signed video cannot be read: {}", std::strerror(errno));
    if (n == 0) return digest.hex();
    digest.update({buffer.data(), static_cast<std::size_t>(n)});
    at += n;
  }
}

// Calls `before` when all frames are there and the output is to appear.
class FinishingSink final : public FrameSink {
 public:
  FinishingSink(std::unique_ptr<FrameSink> next, std::function<void()> before)
      : next_(std::move(next)), before_(std::move(before)) {}
  void write(const Frames& frames) override { next_->write(frames); }
  void finish() override {
    before_();
    next_->finish();
  }

 private:
  std::unique_ptr<FrameSink> next_;
  std::function<void()> before_;
};

std::string passphrase_of(const ProvenanceOptions& options) {
  return options.passphrase_file.empty() ? "" : read_passphrase(options.passphrase_file);
}

}  // namespace

std::vector<SourceMedia> sources_of(const Plan& plan) {
  std::vector<SourceMedia> sources;
  const auto add = [&](const std::filesystem::path& path, SourceMedia::Relation relation, std::string role) {
    const auto known =
        std::find_if(sources.begin(), sources.end(), [&](const auto& each) { return each.path == path; });
    if (known == sources.end()) sources.push_back({path, relation, std::move(role)});
  };
  // A video has one parent: of two clips that it connects, neither is.
  const bool connects = plan.before && plan.after && plan.before->media != plan.after->media;
  const auto goes_on = connects ? SourceMedia::Relation::input : SourceMedia::Relation::parent;
  if (plan.before) add(plan.before->media, goes_on, "a clip that goes on");
  if (plan.after) add(plan.after->media, goes_on, "a clip that is led to");
  for (const GivenSpan& span : plan.given) {
    const bool parent = span.changed && !plan.before && !plan.after;
    add(span.media, parent ? SourceMedia::Relation::parent : SourceMedia::Relation::input,
        span.changed ? "a clip that is changed" : "frames that are given");
  }
  if (plan.mask) add(plan.mask->media, SourceMedia::Relation::input, "a mask");
  for (const auto& image : plan.reference_images) add(image, SourceMedia::Relation::input, "a reference");
  return sources;
}

Origin::Origin(const Plan& plan, ModelOrigin& model, const std::string& job, Progress& progress)
    : plan_(plan), job_(job), model_(model.name()), publishes_(publishes(plan)), signs_(signs(plan)) {
  if (!publishes_) return;
  record_.sources = sources_of(plan);
  take_keys(progress);
  if (invisible(plan)) {
    result_.payload = watermark_payload(watermark_key_, job);
    embedder_ = std::make_unique<Embedder>(WatermarkKey{watermark_key_}, *result_.payload, plan.size.width,
                                           plan.size.height, plan.fps.value());
  }
  if (plan.provenance.audit) AuditLog(audit_file(), audit_key_);
  if (!signs_) return;
  for (const SourceFinding& source : check_sources(record_.sources, plan.provenance.accept_broken_sources)) {
    if (!source.faults.empty()) {
      progress.note(fmt::format("{}: its own manifest does not hold: {}", shown(source.path),
                                printable(source.faults.front(), 300)));
    }
  }
  describe(model);
}

void Origin::take_keys(Progress& progress) {
  const ProvenanceOptions& options = plan_.provenance;
  const bool own_certificate = options.certificate.empty();
  if (!invisible(plan_) && !signs_ && !options.audit) return;
  const EnsuredKeys keys = ensure_keys();
  if (keys.created) progress.note(created_text(keys));
  watermark_key_ = read_secret_key(keys.files.watermark_key());
  audit_key_ = read_secret_key(keys.files.audit_key());
  if (!signs_) return;
  signer_ = std::make_unique<Signer>(own_certificate ? keys.files.certificate() : options.certificate,
                                     own_certificate ? keys.files.key() : options.key, passphrase_of(options));
}

void Origin::describe(ModelOrigin& model) {
  record_.title = plan_.output.path.filename().string();
  record_.version = SORA_VERSION;
  record_.model = model.record();
  record_.seed = plan_.seed;
  record_.sampler = model.sampler();
  record_.steps = plan_.steps;
  record_.guidance_scale = plan_.guidance.scale;
  record_.size = plan_.size;
  record_.fps = plan_.fps;
  record_.frames = plan_.pixel_frames;
  record_.prompt_hmac = prompt_hmac(audit_key_, prompts_of(plan_));
  if (plan_.provenance.sign_prompt) record_.prompt = prompts_of(plan_);
  record_.policy_id = plan_.policy.id;
  record_.policy_sha256 = plan_.policy.sha256;
  record_.visible_mark = visible(plan_);
  if (result_.payload) {
    record_.watermark = WatermarkRecord{std::string(kWatermarkAlgorithm), watermark_key_id(watermark_key_),
                                        watermark_payload_digest(watermark_key_, *result_.payload)};
  }
}

MarkFrame Origin::mark() {
  if (!publishes_ || plan_.provenance.watermark == WatermarkKind::off) return {};
  return [this](std::span<std::uint8_t> rgb, int height, int width, std::int64_t index) {
    if (visible(plan_)) draw_visible_mark(rgb, width, height, index, plan_.fps.value());
    if (embedder_) embedder_->embed(rgb, index);
  };
}

std::unique_ptr<FrameSink> Origin::watched(std::unique_ptr<FrameSink> sink) {
  if (!publishes_) return sink;
  if (!signs_) return std::make_unique<FinishingSink>(std::move(sink), [this] { log(""); });
  return std::make_unique<ThumbnailSink>(std::move(sink), plan_.size, plan_.pixel_frames, thumbnail_);
}

Seal Origin::seal() {
  if (!signs_) return {};
  return [this](int from, int to) { sign(from, to); };
}

void Origin::sign(int from, int to) {
  Stopwatch watch;
  record_.when = fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)));
  record_.thumbnail = Thumbnail{"image/png", thumbnail_};
  const SignOptions options{plan_.provenance.tsa, plan_.provenance.accept_broken_sources};
  result_.manifest = sign_mp4(from, to, record_, *signer_, options).manifest;
  log(sha256_of(to));
  seconds_ = watch.lap();
}

void Origin::log_refused(const FrameRefused& refused, const std::string& checker_sha256,
                         Progress& progress) const noexcept {
  if (!plan_.provenance.audit) return;
  try {
    AuditLog(audit_file(), read_secret_key(ensure_keys().files.audit_key()))
        .append({.job = job_,
                 .decision = "refused",
                 .policy_id = plan_.frame_check->module.filename(),
                 .policy_sha256 = checker_sha256,
                 .category = refused.category(),
                 .rule = "frame checker",
                 .prompt = prompts_of(plan_)},
                plan_.provenance.audit_prompts);
  } catch (const std::exception& error) {
    progress.note(fmt::format("the refusal is not in the log: {}", error.what()));
  }
}

void Origin::log(const std::string& sha256) const {
  if (!plan_.provenance.audit) return;
  OutputRecord record;
  record.job = job_;
  record.model = model_;
  record.output = std::filesystem::absolute(plan_.output.path);
  record.sha256 = sha256;
  record.payload = result_.payload;
  record.manifest = result_.manifest;
  AuditLog(audit_file(), audit_key_).append(record);
}

}  // namespace sora
