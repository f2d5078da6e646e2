// sora-gen: parse the command line, run the command, turn what went wrong into an exit code.
#include <unistd.h>

#include <algorithm>
#include <new>

#include "base/interrupt.h"
#include "cli/command.h"
#include "cli/prompt_policy.h"
#include "cli/report.h"
#include "cli/variables.h"
#include "sora/error.h"

namespace {

int run(const sora::Inspect& command) { return sora::run_inspect(command), 0; }
int run(const sora::Doctor& command) { return sora::run_doctor(command) ? 0 : sora::exit_code(sora::Fault::input); }
int run(const sora::ShowText& command) { return sora::write_result(command.text), 0; }
int run(const sora::Models& command) { return sora::run_models(command), 0; }
int run(const sora::VerifyModels& command) { return sora::run_verify_models(command); }
int run(const sora::Keygen& command) { return sora::run_keygen(command), 0; }
int run(const sora::Verify& command) { return sora::run_verify(command); }
int run(const sora::VerifyAudit& command) {
  return sora::run_verify_audit(command) ? 0 : exit_code(sora::Fault::verification);
}
int run(const sora::PolicyShow& command) { return sora::run_policy(command), 0; }
int run(const sora::PolicyCheck& command) { return sora::run_policy_check(command); }
int run(const sora::PolicyEval& command) { return sora::run_policy_eval(command), 0; }
int run(const sora::Generate& command) { return sora::run_generate(command), 0; }

}  // namespace

int main(int argc, char** argv) {
  sora::install_signal_handlers();
  const sora::Variables variables = sora::read_variables();
  sora::start_messages(sora::wants_colour(isatty(STDERR_FILENO) != 0, variables));
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  // Also before the command line is understood: who asks for JSON gets a wrong flag as JSON.
  bool json = sora::asks_for_json(arguments, variables);
  const auto failed = [&](int code, const std::string& message) {
    sora::report_failure(code, message, json);
    return code;
  };
  try {
    const sora::Command command = sora::parse_command_line(arguments, variables);
    std::visit(
        [&](const auto& chosen) {
          if constexpr (requires { chosen.json; }) json = chosen.json;
        },
        command);
    return std::visit([](const auto& chosen) { return run(chosen); }, command);
  } catch (const sora::Refused& refused) {
    sora::report_refusal(refused, json);
    return exit_code(refused.fault());
  } catch (const sora::Error& error) {
    return failed(exit_code(error.fault()), error.what());
  } catch (const std::bad_alloc&) {
    return failed(exit_code(sora::Fault::memory),
                  "out of memory; a smaller --size, a shorter length or --vae-tile-size needs less");
  } catch (const std::exception& error) {
    return failed(exit_code(sora::Fault::bug), std::string("a bug of sora-gen, please report it: ") + error.what());
  }
}
