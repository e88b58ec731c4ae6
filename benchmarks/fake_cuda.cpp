// Makes a CPU build of PyTorch take "cuda" for a device that it has, so that autograd and autocast treat fake tensors on
// it as on a GPU. It has one stream, on which nothing runs. fake_cuda.py builds it; it must be loaded before torch is,
// which asks for the hooks once.
#include <ATen/SDPBackend.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/native/transformers/attention.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

namespace c10::impl {
struct FakeCudaGuard final : NoOpDeviceGuardImpl<DeviceType::CUDA> {
  // The autograd engine indexes its streams by the device's number, which the base class leaves at -1.
  static Device device() { return {DeviceType::CUDA, 0}; }
  Device getDevice() const override { return device(); }
  Device exchangeDevice(Device) const override { return device(); }
  Stream getStream(Device) const noexcept override { return Stream(Stream::DEFAULT, device()); }
  Stream exchangeStream(Stream) const noexcept override { return Stream(Stream::DEFAULT, device()); }
  void record(void**, const Stream&, const DeviceIndex, const EventFlag) const override {}
  void block(void*, const Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
};
C10_REGISTER_GUARD_IMPL(CUDA, FakeCudaGuard)
}  // namespace c10::impl

namespace at {
struct FakeCudaHooks final : CUDAHooksInterface {
  explicit FakeCudaHooks(CUDAHooksArgs) {}
  void init() const override {}
  bool hasCUDA() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  DeviceIndex deviceCount() const override { return 1; }
  DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(DeviceIndex) const override {}
  DeviceIndex exchangeDevice(DeviceIndex) const override { return 0; }
  DeviceIndex maybeExchangeDevice(DeviceIndex) const override { return 0; }
  // With cuDNN, a convolution keeps its input's layout in memory.
  bool hasCuDNN() const override { return true; }
  bool compiledWithCuDNN() const override { return true; }
  bool supportsDilatedConvolutionWithCuDNN() const override { return true; }
  bool supportsBFloat16ConvolutionWithCuDNNv8() const override { return true; }
  long versionCuDNN() const override { return 91000; }
  long versionRuntimeCuDNN() const override { return 91000; }
};
C10_REGISTER_CLASS(CUDAHooksRegistry, CUDAHooks, FakeCudaHooks)

namespace native {
// Of the fused kernels, flash attention takes no mask.
int64_t attention_choice(
    const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>& mask, double, bool, std::optional<double>,
    bool) {
  return static_cast<int64_t>(mask ? SDPBackend::efficient_attention : SDPBackend::flash_attention);
}
REGISTER_CUDA_DISPATCH(_fused_sdp_choice_stub, &attention_choice)
}  // namespace native
}  // namespace at
