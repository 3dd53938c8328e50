/// The preparation of photographs as hubs describe it, to become what checkpoints keep. The names are those of
/// AviaryDatasets' `Preprocessing`, which a test compares.
package struct HubPreprocessing: Equatable, Sendable {
  package enum Resize: Equatable, Sendable {
    case shorterSide(Int)
    case exact(Size)
  }

  package struct Size: Equatable, Sendable {
    package var height: Int
    package var width: Int

    package static func square(_ side: Int) -> Size { Size(height: side, width: side) }

    fileprivate var json: JSONValue { .members(["height": .integer(height), "width": .integer(width)]) }
  }

  package var resize: Resize
  package var crop: Size?
  /// Nil for bilinear.
  package var interpolation: String?
  package var scale = 1.0 / 255
  package var mean: [Double]
  package var deviation: [Double]
  /// Nil for grey where there is one mean, else for rgb.
  package var channels: String?

  package static let imageNetMean = [0.485, 0.456, 0.406]
  package static let imageNetDeviation = [0.229, 0.224, 0.225]
  package static let clipMean = [0.48145466, 0.4578275, 0.40821073]
  package static let clipDeviation = [0.26862954, 0.26130258, 0.27577711]
  /// The interpolations that images can be resized by.
  package static let interpolations = ["bilinear", "bicubic"]

  package init(
    resize: Resize, crop: Size?, interpolation: String? = nil, scale: Double = 1 / 255, mean: [Double],
    deviation: [Double]
  ) {
    self.resize = resize
    self.crop = crop
    self.interpolation = interpolation
    self.scale = scale
    self.mean = mean
    self.deviation = deviation
  }

  package var json: JSONValue {
    var members: [JSONValue.Member] = []
    switch resize {
    case .shorterSide(let side):
      members.append(.init("resize", .members(["kind": .text("shorter side"), "side": .integer(side)])))
    case .exact(let size):
      members.append(
        .init(
          "resize",
          .members(["kind": .text("exact"), "height": .integer(size.height), "width": .integer(size.width)])))
    }
    if let crop { members.append(.init("crop", crop.json)) }
    members += [
      .init("interpolation", .text(interpolation ?? "bilinear")),
      .init("channels", .text(channels ?? (mean.count == 1 ? "grey" : "rgb"))), .init("scale", .real(scale)),
      .init("mean", .array(mean.map { .real($0) })), .init("standardDeviation", .array(deviation.map { .real($0) })),
    ]
    return .object(members)
  }
}
