// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

#if !AsyncHTTPClient
#error("MeshAsyncHTTPClient needs the package trait \"AsyncHTTPClient\": add it to the dependency")
#endif
