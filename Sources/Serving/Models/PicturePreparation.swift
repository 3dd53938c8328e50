import Aviary
import AviaryDiagnostics
import AviaryKernels

/// How pictures of requests become inputs, in bounded memory and on threads that hold nobody up.
struct PicturePreparation: Sendable {
  let preprocessing: Preprocessing
  let pool: WorkerPool
  /// The most pixels of one picture.
  let pixelLimit: Int

  /// A picture in its size for the network, and its numbers.
  struct Prepared: Sendable {
    let picture: DecodedImage
    let planes: AviaryKernels.Buffer
  }

  /// Decodes a JPEG, PNG or WebP file.
  ///
  /// - Parameter name: what it is called, for faults.
  func prepared(_ file: [UInt8], named name: String) async throws(ServingFault) -> Prepared {
    let pixels = try decoding { () throws(ImageDecodingFault) in try DecodedImage.pixelCount(of: file, named: name) }
    guard pixels <= pixelLimit else {
      // Says both sizes.
      _ = try decoding { () throws(ImageDecodingFault) in
        try DecodedImage(decoding: file, named: name, pixelLimit: pixelLimit)
      }
      throw .failed("\(name): the picture is larger than it says")
    }
    return try await pool.run(weight: pixels) { () throws(ServingFault) in
      let image = try decoding { () throws(ImageDecodingFault) in
        try DecodedImage(decoding: file, named: name, pixelLimit: pixelLimit)
      }
      return finished(image)
    }
  }

  /// Several files at once, in their order.
  func prepared(_ files: [[UInt8]], named name: @escaping @Sendable (Int) -> String) async throws(ServingFault)
    -> [Prepared]
  {
    if files.count == 1 { return [try await prepared(files[0], named: name(0))] }
    let outcomes = await withTaskGroup(of: (Int, Result<Prepared, ServingFault>).self) { group in
      for (place, file) in files.enumerated() {
        group.addTask {
          do throws(ServingFault) {
            return (place, .success(try await self.prepared(file, named: name(place))))
          } catch {
            return (place, .failure(error))
          }
        }
      }
      var outcomes: [Int: Result<Prepared, ServingFault>] = [:]
      for await (place, outcome) in group {
        outcomes[place] = outcome
        if case .failure = outcome { group.cancelAll() }
      }
      return outcomes
    }
    // The one at fault, rather than those that were given up because of it.
    let faults = outcomes.sorted { $0.key < $1.key }.compactMap { _, outcome -> ServingFault? in
      if case .failure(let fault) = outcome { fault } else { nil }
    }
    if let fault = faults.first(where: { $0 != .cancelled }) ?? faults.first { throw fault }
    var pictures: [Prepared] = []
    for place in files.indices { if let outcome = outcomes[place] { pictures.append(try outcome.get()) } }
    return pictures
  }

  /// Pictures whose pixels are red, green and blue bytes, [N, H, W, 3] or [H, W, 3].
  func prepared(pixels: [UInt8], shape: [Int]) async throws(ServingFault) -> [Prepared] {
    guard shape.count == 3 || shape.count == 4, shape.last == 3 else {
      throw .unsuited("pixels have the shape [N, height, width, 3], not \(shape)")
    }
    let (height, width) = (shape[shape.count - 3], shape[shape.count - 2])
    let size = 3 * height * width
    let weight = pixels.count / 3
    guard weight <= pixelLimit else {
      throw .picture(.tooLarge(path: "input", width: width, height: height, limit: pixelLimit))
    }
    return try await pool.run(weight: weight) { () throws(ServingFault) in
      stride(from: 0, to: pixels.count, by: size).map { start in
        finished(DecodedImage(width: width, height: height, pixels: Array(pixels[start..<start + size])))
      }
    }
  }

  private func finished(_ image: DecodedImage) -> Prepared {
    let picture = preprocessing.sized(image)
    return Prepared(picture: picture, planes: preprocessing.planes(of: picture))
  }

  private func decoding<Value>(
    _ body: () throws(ImageDecodingFault) -> Value
  ) throws(ServingFault) -> Value {
    do throws(ImageDecodingFault) { return try body() } catch { throw .picture(error) }
  }
}

extension PreparedRows {
  /// Pictures of one size.
  init(_ pictures: [PicturePreparation.Prepared], channels: Int) throws(ServingFault) {
    guard let first = pictures.first?.picture else { throw .malformed("the request has no image") }
    guard pictures.allSatisfy({ $0.picture.width == first.width && $0.picture.height == first.height }) else {
      throw .unsuited("the network takes pictures in their own size, and these differ; send one at a time")
    }
    self.init(pictures.map(\.planes), count: pictures.count, shape: [channels, first.height, first.width])
  }
}
