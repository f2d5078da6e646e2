// Schedulers against diffusers: tables of sigmas and timesteps, solver trajectories, the steps of recorded runs; and
// what their configs may say.
#include "schedulers/schedulers.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "schedulers/sigmas.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

using test::error_of;
using test::expect_close;
using test::read_tensors;
using Tensors = std::map<std::string, Tensor>;

constexpr double kBar = 1e-6;
constexpr std::string_view kFlow = R"("prediction_type": "flow_prediction", "use_flow_sigmas": true)";

JsonObject json(const std::string& members) { return {"{" + members + "}", "scheduler_config.json", Fault::input}; }

UniPcConfig unipc(const std::string& more = "") {
  return read_unipc_config(json(std::string(kFlow) + (more.empty() ? "" : ", " + more)));
}

std::string unipc_error(const std::string& more) {
  return error_of(Fault::input, [&] { unipc(more); });
}

std::string euler_error(const std::string& members) {
  return error_of(Fault::input, [&] { read_flow_match_euler_config(json(members)); });
}

void expect_equal(const std::string& name, const std::vector<double>& actual, const Tensor& expected) {
  const Tensor wanted = expected.to(at::kDouble);
  EXPECT_THAT(actual,
              ::testing::ElementsAreArray(wanted.const_data_ptr<double>(), static_cast<std::size_t>(wanted.numel())))
      << name;
}

// The velocity of tables.py and denoisers.py.
Tensor velocity(const Tensor& x, double timestep, bool whole) {
  const Tensor t = whole ? at::scalar_tensor(static_cast<std::int64_t>(timestep), at::kLong)
                         : at::scalar_tensor(timestep, at::kFloat);
  return at::sin(3 * x) + 0.1 * t / 1000;
}

void expect_trajectory(const std::string& name, Scheduler& scheduler, bool whole_timesteps, const Tensor& expected) {
  ASSERT_EQ(scheduler.steps(), expected.size(0) - 1) << name;
  Tensor x = expected[0];
  for (int i = 0; i < scheduler.steps(); ++i) {
    x = scheduler.step(i, velocity(x, scheduler.timestep(i), whole_timesteps), x);
    expect_close(name + " step " + std::to_string(i), x, expected[i + 1], kBar);
  }
}

TEST(UniPc, Tables) {
  const Tensors tables = read_tensors(test::data("tables.safetensors"));
  for (const int shift : {1, 3, 5, 8, 12}) {
    UniPcConfig config;
    config.flow_shift = shift;
    for (const int steps : {1, 2, 4, 10, 30, 50}) {
      const std::string name = "unipc.shift" + std::to_string(shift) + ".n" + std::to_string(steps);
      const FlowSchedule schedule = unipc_schedule(config, steps);
      expect_equal(name, schedule.sigmas, tables.at(name + ".sigmas"));
      expect_equal(name, schedule.timesteps, tables.at(name + ".timesteps"));
    }
  }
}

TEST(FlowMatchEuler, Tables) {
  const Tensors tables = read_tensors(test::data("tables.safetensors"));
  for (const int shift : {1, 3, 5, 8, 12}) {
    FlowMatchEulerConfig config;
    config.shift = shift;
    for (const int steps : {1, 2, 4, 10, 30, 50}) {
      const std::string name = "euler.shift" + std::to_string(shift) + ".n" + std::to_string(steps);
      const FlowSchedule schedule = flow_match_euler_schedule(config, steps);
      expect_equal(name, schedule.sigmas, tables.at(name + ".sigmas"));
      expect_equal(name, schedule.timesteps, tables.at(name + ".timesteps"));
    }
  }
}

TEST(UniPc, Trajectories) {
  const Tensors tables = read_tensors(test::data("tables.safetensors"));
  for (const int order : {1, 2, 3}) {
    UniPcConfig config;
    config.flow_shift = 5;
    config.solver_order = order;
    const std::string name = "unipc_traj.order" + std::to_string(order) + ".bh2.lof1";
    expect_trajectory(name, *make_unipc(config, 8), true, tables.at(name));
  }
}

// Every setting that the reference takes for flow matching, from its own config.
TEST(Schedulers, Settings) {
  JsonObject cases = JsonObject::from_file(test::data("denoiser/schedules.json"));
  const Tensors expected = read_tensors(test::data("denoiser/schedules.safetensors"));
  for (const std::string& name : cases.keys()) {
    const auto steps = static_cast<int>(expected.at(name + ".timesteps").size(0));
    const bool is_unipc = name.starts_with("unipc");
    FlowSchedule schedule;
    std::unique_ptr<Scheduler> scheduler;
    if (is_unipc) {
      const UniPcConfig config = read_unipc_config(cases.read_object(name));
      schedule = unipc_schedule(config, steps);
      scheduler = make_unipc(config, steps);
    } else {
      const FlowMatchEulerConfig config = read_flow_match_euler_config(cases.read_object(name));
      schedule = flow_match_euler_schedule(config, steps);
      scheduler = make_flow_match_euler(config, steps);
    }
    const Tensor sigmas = at::tensor(schedule.sigmas, at::kDouble).to(at::kFloat);
    expect_close(name + " sigmas", sigmas, expected.at(name + ".sigmas"), kBar);
    const Tensor timesteps =
        at::tensor(schedule.timesteps, at::kDouble).to(expected.at(name + ".timesteps").scalar_type());
    expect_close(name + " timesteps", timesteps, expected.at(name + ".timesteps"), is_unipc ? 0 : kBar);
    expect_trajectory(name, *scheduler, is_unipc, expected.at(name + ".trajectory"));
  }
}

std::string numbered(const char* part, int i, const char* name) { return fmt::format("{}.{:03}.{}", part, i, name); }

// Feeds a recorded run's predictions and samples to `scheduler`, and expects what the reference's scheduler returned.
void expect_run(const std::string& run, Scheduler& scheduler, double bar) {
  const Tensors recorded = read_tensors(test::data("ref/" + run + ".safetensors"));
  ASSERT_EQ(scheduler.steps(), recorded.at("scheduler.0.timesteps").size(0)) << run;
  for (int i = 0; i < scheduler.steps(); ++i) {
    EXPECT_EQ(scheduler.timestep(i), recorded.at(numbered("step", i, "timestep")).item<double>()) << run;
    const Tensor& expected = recorded.at(numbered("step", i, "prev_sample"));
    const Tensor next =
        scheduler.step(i, recorded.at(numbered("step", i, "model_output")), recorded.at(numbered("step", i, "sample")));
    EXPECT_EQ(next.scalar_type(), expected.scalar_type()) << run << " step " << i;
    expect_close(run + " step " + std::to_string(i), next, expected, bar);
  }
}

JsonObject scheduler_config(const std::string& folder) {
  JsonObject config = JsonObject::from_file(test::data(folder) / "scheduler_config.json");
  config.ignore({"_class_name", "_diffusers_version"});
  return config;
}

TEST(UniPc, RecordedRuns) {
  const auto run = [](const std::string& model, const std::string& name, int steps) {
    const UniPcConfig config = read_unipc_config(scheduler_config("models/" + model + "/scheduler"));
    expect_run(model + "/" + name, *make_unipc(config, steps), kBar);
  };
  run("wan21_t2v", "fp32_unipc4", 4);
  run("wan21_t2v", "fp32_unipc3_nocfg", 3);
  run("wan22_a14b_t2v", "fp32_unipc4", 4);
  run("wan22_ti2v", "fp32_t2v_unipc4", 4);
  run("wan21_t2v", "bf16_unipc4", 4);
  run("wan22_ti2v", "bf16_t2v_unipc3", 3);
}

TEST(UniPc, RecordedRunOfOrderThree) {
  const UniPcConfig config = read_unipc_config(scheduler_config("schedulers/unipc5_order3"));
  EXPECT_EQ(config.solver_order, 3);
  expect_run("wan21_t2v/fp32_unipc6_order3", *make_unipc(config, 6), kBar);
}

TEST(FlowMatchEuler, RecordedRuns) {
  const FlowMatchEulerConfig config = read_flow_match_euler_config(scheduler_config("schedulers/euler7"));
  expect_run("wan21_t2v/fp32_euler4", *make_flow_match_euler(config, 4), kBar);
  expect_run("wan21_t2v/bf16_euler4", *make_flow_match_euler(config, 4), kBar);
}

TEST(UniPc, StepsComeInTurn) {
  const auto scheduler = make_unipc(UniPcConfig(), 2);
  const Tensor x = at::ones({1, 1, 1, 1, 1});
  scheduler->step(0, x, x);
  EXPECT_EQ(error_of(Fault::bug, [&] { scheduler->step(0, x, x); }), "UniPC: step 0 out of turn: 1 of 2 comes next");
}

TEST(Schedulers, TerminalNeedsTwoSteps) {
  const std::string message =
      "1 step is too few: the checkpoint's scheduler sets \"shift_terminal\", which takes at least 2";
  EXPECT_EQ(error_of(Fault::usage, [] { make_unipc(unipc(R"("shift_terminal": 0.1)"), 1); }), message);
  EXPECT_EQ(error_of(Fault::usage,
                     [] { make_flow_match_euler(read_flow_match_euler_config(json(R"("shift_terminal": 0.1)")), 1); }),
            message);
}

// The keys of every release of the Wan checkpoints, whose values are mostly of no use to flow matching.
TEST(UniPcConfig, KeysOfTheHub) {
  const UniPcConfig config = unipc(R"("beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001,
      "disable_corrector": [], "dynamic_thresholding_ratio": 0.995, "final_sigmas_type": "zero", "flow_shift": 3.0,
      "lower_order_final": true, "num_train_timesteps": 1000, "predict_x0": true, "rescale_betas_zero_snr": false,
      "sample_max_value": 1.0, "solver_order": 2, "solver_p": null, "solver_type": "bh2", "steps_offset": 0,
      "thresholding": false, "timestep_spacing": "linspace", "trained_betas": null, "use_beta_sigmas": false,
      "use_exponential_sigmas": false, "use_karras_sigmas": false, "use_dynamic_shifting": false,
      "time_shift_type": "exponential", "sigma_min": null, "sigma_max": null, "shift_terminal": null)");
  EXPECT_EQ(config.flow_shift, 3);
  EXPECT_FALSE(config.karras.has_value());
}

TEST(UniPcConfig, Refusals) {
  const std::string at = "scheduler_config.json: key ";
  EXPECT_EQ(error_of(Fault::input, [] { read_unipc_config(json("")); }),
            at + R"("prediction_type": expected "flow_prediction", found "epsilon")");
  EXPECT_EQ(error_of(Fault::input, [] { read_unipc_config(json(R"("prediction_type": "flow_prediction")")); }),
            at + R"("use_flow_sigmas": is false or missing; expected true)");
  EXPECT_EQ(unipc_error(R"("solver_order": 0)"), at + R"("solver_order": expected 1 to 6, found 0)");
  EXPECT_EQ(unipc_error(R"("solver_order": 7)"), at + R"("solver_order": expected 1 to 6, found 7)");
  EXPECT_EQ(
      unipc_error(R"("solver_type": "bh1")"),
      at + R"("solver_type": is "bh1", which makes the last step NaN when the last sigma is 0; expected "bh2", or )"
           R"("sigma_min" as "final_sigmas_type")");
  EXPECT_EQ(unipc_error(R"("solver_type": "bh3")"),
            at + R"("solver_type": expected "bh2" or "bh1" or "midpoint" or "heun" or "logrho", found "bh3")");
  EXPECT_EQ(unipc_error(R"("lower_order_final": false)"),
            at + R"("lower_order_final": is false, which divides by zero in the last step; expected true, or 1 as )"
                 R"("solver_order")");
  EXPECT_EQ(unipc_error(R"("predict_x0": false)"),
            at + R"("predict_x0": is false, which the reference does not define for "flow_prediction"; expected true)");
  EXPECT_EQ(unipc_error(R"("flow_shift": 0)"),
            at + R"("flow_shift": expected a number above 0 and at most 1000000, found 0)");
  EXPECT_EQ(unipc_error(R"("num_train_timesteps": 1)"),
            at + R"("num_train_timesteps": expected 2 to 1000000, found 1)");
  EXPECT_EQ(unipc_error(R"("shift_terminal": 1)"),
            at + R"("shift_terminal": expected a number from 0 to below 1, found 1)");
  EXPECT_EQ(unipc_error(R"("use_dynamic_shifting": true)"),
            at +
                R"("use_dynamic_shifting": is true: it needs a `mu`, which the reference's Wan pipelines do not pass; )"
                "expected false");
  EXPECT_EQ(unipc_error(R"("thresholding": true)"),
            at + R"("thresholding": is true: it clamps pixels, not latents; expected false)");
  EXPECT_EQ(unipc_error(R"("use_exponential_sigmas": true)"),
            at + R"("use_exponential_sigmas": is true: it gives flow matching sigmas above 1; expected false)");
  EXPECT_EQ(unipc_error(R"("use_karras_sigmas": true, "sigma_min": 2, "sigma_max": 1)"),
            at + R"("use_karras_sigmas": needs sigmas with 0 < min < max, found 2 and 1 from "sigma_min" and )"
                 R"("sigma_max" or, where they are null, from the betas)");
  EXPECT_EQ(unipc_error(R"("timestep_spacing": "even\u001b")"),
            at + R"("timestep_spacing": expected "linspace" or "leading" or "trailing", found "even\x1b")");
  EXPECT_EQ(unipc_error(R"("solver_p": {})"),
            at + R"("solver_p": expected null, found an object; nothing else is supported)");
  EXPECT_EQ(unipc_error(R"("flow_shfit": 3)"),
            "scheduler_config.json: unknown key \"flow_shfit\" (did you mean \"flow_shift\"?); this version does not "
            "know what it changes, so it will not ignore it");
}

TEST(FlowMatchEulerConfig, Refusals) {
  const std::string at = "scheduler_config.json: key ";
  EXPECT_EQ(euler_error(R"("use_dynamic_shifting": true)"),
            at +
                R"("use_dynamic_shifting": is true: it needs a `mu`, which the reference's Wan pipelines do not pass; )"
                "expected false");
  EXPECT_EQ(
      euler_error(R"("stochastic_sampling": true)"),
      at + R"("stochastic_sampling": is true: the reference then draws noise that no seed governs; expected false)");
  EXPECT_EQ(euler_error(R"("use_beta_sigmas": true)"),
            at + R"("use_beta_sigmas": is true: beta sigmas are not supported; expected false)");
  EXPECT_EQ(euler_error(R"("use_karras_sigmas": true, "use_exponential_sigmas": true)"),
            at + R"("use_exponential_sigmas": is true: "use_karras_sigmas" is true too; expected false)");
  EXPECT_EQ(euler_error(R"("shift": -1)"), at + R"("shift": expected a number above 0 and at most 1000000, found -1)");
  EXPECT_EQ(euler_error(R"("time_shift_type": "square")"),
            at + R"("time_shift_type": expected "exponential" or "linear", found "square")");
}

}  // namespace
}  // namespace sora
