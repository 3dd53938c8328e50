import Aviary
import AviaryExplanations

/// The explanation of one image by one method.
struct ImageExplanation {
  /// As the network sees it, but for its colours' scale.
  let picture: DecodedImage
  /// The position of the explained class, and the probability that the network gives it.
  let output: Int
  let probability: Double
  /// [C, H, W], or the map of a layer, [h, w].
  let attributions: Tensor
  /// One number for each pixel of the picture.
  let map: [Float]
  /// Whether numbers below 0 speak against the class.
  let isSigned: Bool
  var layer: String?
  var completeness: IntegratedGradients.Completeness?
  var sanity: SanityCheck?

  /// Whether all attributions have one magnitude.
  var isFlat: Bool {
    let magnitudes = abs(attributions).scalars
    return magnitudes.allSatisfy { $0 == magnitudes[0] }
  }
}

/// Explains images, one after the other.
struct ImageExplainer {
  let predictor: ImagePredictor
  let method: ExplanationMethod
  let settings: ExplanationSettings
  /// The position of the class to explain; nil for the one that the network predicts.
  let output: Int?
  let checksSanity: Bool

  /// - Throws: `PredictionFault`, `ExplanationFault`.
  func explanation(of entry: ImageEntry) throws -> ImageExplanation {
    let decoded: DecodedImage
    do throws(ImageDecodingFault) { decoded = try entry.decoded() } catch { throw PredictionFault.unreadable(error) }
    let picture = predictor.preprocessing.sized(decoded)
    do throws(ArchitectureFault) {
      try predictor.check(ImageSize(height: picture.height, width: picture.width))
    } catch { throw PredictionFault.unsuited(path: entry.path, error) }
    let x = predictor.preprocessing.tensor(of: [picture])
    func open(_ model: some Classifier) throws -> ImageExplanation { try explanation(of: picture, x, model) }
    return try open(predictor.model)
  }

  private func explanation(
    of picture: DecodedImage, _ x: Tensor, _ model: some Classifier
  ) throws -> ImageExplanation {
    let explainer = Explainer(model)
    // Refuses outputs that are not finite, or none of classes.
    _ = try explainer.chosen(output.map { .output($0) } ?? .highest, for: x)
    let probabilities = softmax(predictor.logits(x)).scalars
    let chosen = output ?? predictor.decision.predicted(probabilities)
    let probability = Double(probabilities[chosen])
    let found = try attributions(explainer, x, chosen, layer: settings.layer, picture)
    var result = ImageExplanation(
      picture: picture, output: chosen, probability: probability, attributions: found.values,
      map: map(found.values, picture), isSigned: isSigned, layer: found.layer, completeness: found.completeness)
    if checksSanity {
      result.sanity = try SanityCheck(
        randomizing: model.copy(), seed: settings.seed ?? 0, run: { _ = $0(x) },
        explain: { copy throws(ExplanationFault) in
          try attributions(
            Explainer(copy), x, chosen, layer: found.layer, picture, steps: settings.steps ?? 50, refines: false
          ).values
        })
    }
    return result
  }

  /// Whether the method tells what speaks for a class from what speaks against it.
  private var isSigned: Bool { ![.gradcam, .saliency, .smoothgrad].contains(method) }

  /// What the method gives for one image, without the axis of the batch.
  private func attributions(
    _ explainer: Explainer, _ x: Tensor, _ output: Int, layer: String?, _ picture: DecodedImage, steps: Int? = nil,
    refines: Bool = true
  ) throws(ExplanationFault) -> (
    values: Tensor, layer: String?, completeness: IntegratedGradients.Completeness?
  ) {
    let target = Explainer.Target.output(output)
    func plain(_ batch: Tensor) -> (Tensor, String?, IntegratedGradients.Completeness?) {
      (batch.reshaped(to: Array(batch.shape.dropFirst())), nil, nil)
    }
    switch method {
    case .gradcam:
      let map = try explainer.gradCAM(x, target, layer: layer)
      return (map.values.reshaped(to: Array(map.values.shape.dropFirst())), map.layer, nil)
    case .saliency: return plain(try explainer.saliency(x, target))
    case .inputxgradient: return plain(try explainer.inputTimesGradient(x, target))
    case .guided: return plain(try explainer.guidedBackpropagation(x, target))
    case .smoothgrad:
      return plain(
        try explainer.smoothGrad(
          x, target, samples: settings.samples ?? 25, noise: .ofRange(Float(settings.noise ?? 0.15)),
          seed: settings.seed ?? 0))
    case .occlusion:
      let side = min(picture.height, picture.width)
      let patch = settings.patch ?? max(1, side / 8)
      let stride = settings.stride ?? max(1, patch / 2)
      return plain(
        try explainer.occlusion(
          x, target, window: [x.shape[1], patch, patch], stride: [x.shape[1], stride, stride], baseline: baseline(x)))
    case .ig, .permutation:
      let fixed = steps ?? settings.steps
      let found = try explainer.integratedGradients(
        x, target, baseline: baseline(x), steps: fixed ?? 50, tolerance: fixed == nil && refines ? 0.01 : nil)
      let (values, _, _) = plain(found.attributions)
      return (values, nil, found.completeness[0])
    }
  }

  /// What stands for nothing, of the shape of an input; nil for zeros.
  private func baseline(_ x: Tensor) -> Tensor? {
    guard let name = settings.baseline, name != .zero else { return nil }
    let (height, width) = (x.shape[2], x.shape[3])
    let bytes = [UInt8](repeating: name == .white ? 255 : 0, count: 3 * height * width)
    return predictor.preprocessing.tensor(of: [DecodedImage(width: width, height: height, pixels: bytes)])
  }

  /// One number for each pixel: the sum over channels of what has signs, else the largest of them (Simonyan et al., 2013).
  private func map(_ attributions: Tensor, _ picture: DecodedImage) -> [Float] {
    if method == .gradcam {
      let maps = attributions.reshaped(to: [1] + attributions.shape)
      return resampled(maps, height: picture.height, width: picture.width).scalars
    }
    let scalars = attributions.scalars
    let count = picture.height * picture.width
    return (0..<count).map { pixel in
      let values = stride(from: pixel, to: scalars.count, by: count).lazy.map { scalars[$0] }
      return isSigned ? values.reduce(0, +) : values.max() ?? 0
    }
  }
}
