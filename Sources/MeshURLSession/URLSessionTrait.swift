// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !HTTP
#error("MeshURLSession needs the package trait \"HTTP\": add it to the `traits:` of the package dependency")
#endif
