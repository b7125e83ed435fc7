// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !JWT
#error("MeshJWT needs the package trait JWT: leave it on, or name it in the dependency's traits.")
#endif
