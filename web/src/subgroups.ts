/** Subgroups, for which the module's WebGPU library can't ask: it knows no name of the browsers' for them. */

/** From now on a device is opened with subgroups where its adapter has them. */
export function askForSubgroups(): void {
  if (typeof GPUAdapter === "undefined") return;
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = function (descriptor = {}) {
    if (!this.features.has("subgroups")) return request.call(this, descriptor);
    const requiredFeatures = [...(descriptor.requiredFeatures ?? []), "subgroups" as const];
    return request.call(this, { ...descriptor, requiredFeatures });
  };
}
