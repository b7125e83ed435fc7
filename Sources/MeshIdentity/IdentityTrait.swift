// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !Identity
#error("MeshIdentity needs the package trait Identity: leave it on, or name it in the dependency's traits.")
#endif
