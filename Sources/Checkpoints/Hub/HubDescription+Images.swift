// How timm and transformers describe the preparation of photographs.

extension HubDescription {
  private static let sides = 1...8192

  /// timm's evaluation transform: the shorter side is the input's divided by `crop_pct`, then a crop from the centre.
  static func timm(_ source: JSONValue, _ notes: inout [String]) -> JSONValue? {
    guard let size = source["input_size"]?.elements?.map({ $0.integer ?? 0 }), size.count == 3,
      size.allSatisfy(sides.contains), size[0] == 1 || size[0] == 3
    else { return nil }
    let input = HubPreprocessing.Size(height: size[1], width: size[2])
    let share = source["crop_pct"]?.double ?? 0.875
    guard share > 0.05, share <= 1.0001 else { return nil }
    let shorter = Int((Double(min(input.height, input.width)) / share).rounded(.down))
    guard sides.contains(shorter),
      let interpolation = interpolation(source["interpolation"]?.text ?? "bicubic", &notes),
      let (mean, deviation) = normalization(source["mean"], source["std"], channels: size[0])
    else { return nil }
    let mode = source["crop_mode"]?.text ?? "center"
    guard ["center", "squash"].contains(mode) else {
      notes.append("the crop '\(mode.prefix(40))' is not supported; give --preprocessing")
      return nil
    }
    // timm keeps the proportions of the image there, which neither way of resizing does.
    guard mode == "squash" || input.height == input.width else {
      notes.append(
        "a central crop of \(input.height)x\(input.width), which is not square, is not supported; give --preprocessing")
      return nil
    }
    let exact = HubPreprocessing.Size(
      height: Int((Double(input.height) / share).rounded(.down)),
      width: Int((Double(input.width) / share).rounded(.down)))
    return HubPreprocessing(
      resize: mode == "squash" ? .exact(exact) : .shorterSide(shorter), crop: input,
      interpolation: interpolation, mean: mean, deviation: deviation
    ).json
  }

  /// What transformers' image processors do.
  static func transformers(_ source: JSONValue, _ notes: inout [String]) -> JSONValue? {
    let processor = source["image_processor_type"]?.text ?? source["feature_extractor_type"]?.text ?? ""
    // These take one number for the shorter side, the others for both sides.
    let keepsProportion = ["ConvN", "MobileNet", "Bit", "ResNet"].contains { processor.hasPrefix($0) }
    guard source["do_resize"]?.boolean ?? true, let numbers = source["size"] else { return nil }
    let shorter = numbers["shortest_edge"]?.integer ?? (keepsProportion ? numbers.integer : nil)
    let exact = size(numbers)
    guard shorter != nil || exact != nil, shorter.map(sides.contains) ?? true,
      let interpolation = interpolation(resample(source["resample"], processor), &notes)
    else { return nil }
    var (mean, deviation) = ([0.0, 0, 0], [1.0, 1, 1])
    if source["do_normalize"]?.boolean ?? true {
      let own = usualNormalization(of: processor)
      guard
        let found = normalization(
          source["image_mean"], source["image_std"], channels: 3, mean: own.mean, deviation: own.deviation)
      else { return nil }
      (mean, deviation) = found
    }
    let isRescaled = source["do_rescale"]?.boolean ?? true
    let scale = isRescaled ? source["rescale_factor"]?.double ?? 1 / 255 : 1
    guard scale.isFinite, scale != 0 else { return nil }
    var resize: HubPreprocessing.Resize
    var crop: HubPreprocessing.Size?
    if let shorter {
      resize = .shorterSide(shorter)
      if processor.hasPrefix("ConvN") {
        // Up to 384 the shorter side is resized to more than the crop; from there on the image is pressed into a square.
        let share = source["crop_pct"]?.double ?? 224.0 / 256
        guard share > 0.05, share <= 1.0001 else { return nil }
        let longer = Int((Double(shorter) / share))
        guard sides.contains(longer) else { return nil }
        (resize, crop) = shorter < 384 ? (.shorterSide(longer), .square(shorter)) : (.exact(.square(shorter)), nil)
      }
    } else {
      resize = .exact(exact ?? .square(224))
    }
    if source["do_center_crop"]?.boolean ?? cropsUnasked(processor) {
      guard let size = source["crop_size"].map({ size($0) }) ?? .square(224) else { return nil }
      crop = size
    }
    return HubPreprocessing(
      resize: resize, crop: crop, interpolation: interpolation, scale: scale, mean: mean, deviation: deviation
    ).json
  }

  /// A number for both sides, or `{"height": …, "width": …}`.
  private static func size(_ value: JSONValue) -> HubPreprocessing.Size? {
    let (height, width) = (value["height"]?.integer ?? value.integer, value["width"]?.integer ?? value.integer)
    guard let height, let width, sides.contains(height), sides.contains(width) else { return nil }
    return .init(height: height, width: width)
  }

  /// Pillow's numbers; what the processors do where the file does not say.
  private static func resample(_ value: JSONValue?, _ processor: String) -> String {
    guard let value else {
      return ["DeiT", "Bit", "ConvN"].contains { processor.hasPrefix($0) } ? "bicubic" : "bilinear"
    }
    return switch value.integer {
    case 0: "nearest"
    case 1: "lanczos"
    case 2: "bilinear"
    case 3: "bicubic"
    default: value.serialized
    }
  }

  private static func interpolation(_ name: String, _ notes: inout [String]) -> String? {
    if HubPreprocessing.interpolations.contains(name) { return name }
    notes.append("the interpolation '\(name.prefix(40))' is not supported; give --preprocessing")
    return nil
  }

  /// The mean and the deviation of a processor whose file does not have them.
  private static func usualNormalization(of processor: String) -> (mean: [Double], deviation: [Double]) {
    if processor.hasPrefix("Bit") { return (HubPreprocessing.clipMean, HubPreprocessing.clipDeviation) }
    return ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
  }

  /// Whether a processor crops where its file does not say.
  private static func cropsUnasked(_ processor: String) -> Bool {
    ["Bit", "DeiT", "MobileNet"].contains { processor.hasPrefix($0) }
  }

  private static func normalization(
    _ mean: JSONValue?, _ deviation: JSONValue?, channels: Int,
    mean usualMean: [Double] = HubPreprocessing.imageNetMean,
    deviation usualDeviation: [Double] = HubPreprocessing.imageNetDeviation
  ) -> (mean: [Double], deviation: [Double])? {
    func numbers(_ value: JSONValue?, _ usual: [Double]) -> [Double]? {
      guard let value else { return channels == 3 ? usual : nil }
      // One number is that of every channel.
      let numbers =
        value.double.map { [Double](repeating: $0, count: channels) } ?? value.elements?.compactMap(\.double) ?? []
      return numbers.count == channels && numbers.allSatisfy { Float($0).isFinite } ? numbers : nil
    }
    guard let means = numbers(mean, usualMean), let deviations = numbers(deviation, usualDeviation),
      deviations.allSatisfy({ Float($0) > 0 })
    else { return nil }
    return (means, deviations)
  }
}
