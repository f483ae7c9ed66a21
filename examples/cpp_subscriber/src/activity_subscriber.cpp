// Print the estimated activity of one hand's muscles, and say when estimates are late, lost or not usable.
//
//   ros2 run pianokpm_cpp_subscriber activity_subscriber --ros-args -p side:=right
//
// A controller needs more than this (hold, ramp, slope limits): pianokpm_ros.client shows what.

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "pianokpm/msg/muscle_activity.hpp"
#include "rclcpp/rclcpp.hpp"

using namespace std::chrono_literals;
using pianokpm::msg::MuscleActivity;

class ActivitySubscriber : public rclcpp::Node
{
public:
  ActivitySubscriber()
  : Node("activity_subscriber")
  {
    const auto side = declare_parameter("side", std::string("right"));
    // What the nodes offer: late after 50 ms, gone after 200 ms.
    auto quality = rclcpp::QoS(10).reliable().deadline(50ms);
    quality.liveliness(rclcpp::LivelinessPolicy::Automatic).liveliness_lease_duration(200ms);
    rclcpp::SubscriptionOptions options;
    options.event_callbacks.deadline_callback = [](rclcpp::QOSDeadlineRequestedInfo & event) {
        std::printf("late: %d deadlines missed so far\n", event.total_count);
        std::fflush(stdout);
      };
    options.event_callbacks.liveliness_callback = [](rclcpp::QOSLivelinessChangedInfo & event) {
        std::printf("%s\n", event.alive_count ? "publisher alive" : "publisher gone: let go");
        std::fflush(stdout);
      };
    subscription_ = create_subscription<MuscleActivity>(
      "muscle_activity/" + side, quality,
      [this](const MuscleActivity & message) {show(message);}, options);
  }

private:
  void show(const MuscleActivity & message)
  {
    const auto arrays_fit = message.activation.size() == message.muscle.size() &&
      message.deviation.size() == message.muscle.size();
    if (message.status < MuscleActivity::DEGRADED || !arrays_fit) {
      std::printf("not usable, status %d\n", message.status);
      return;
    }
    const auto age = (now() - rclcpp::Time(message.header.stamp)).seconds();
    std::printf("%s%4.0f ms  confidence %.2f ", message.simulated_training ?
      "estimated (model trained on simulated EMG) " : "estimated ", 1e3 * age, message.confidence);
    for (std::size_t i = 0; i < message.muscle.size(); ++i) {
      const auto known = std::isfinite(message.activation[i]);
      std::printf(
        known ? "  %s %.3f +- %.3f" : "  %s unknown", message.muscle[i].c_str(),
        message.activation[i], message.deviation[i]);
    }
    std::printf("\n");
    std::fflush(stdout);
  }

  rclcpp::Subscription<MuscleActivity>::SharedPtr subscription_;
};

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  rclcpp::spin(std::make_shared<ActivitySubscriber>());
  rclcpp::shutdown();
  return 0;
}
