// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !ControlPlane
#error("MeshControlPlane needs the package trait ControlPlane: leave it on, or name it in the dependency's traits.")
#endif
