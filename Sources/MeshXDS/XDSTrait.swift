// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !XDS
#error("MeshXDS needs the package trait XDS: leave it on, or name it in the dependency's traits.")
#endif
