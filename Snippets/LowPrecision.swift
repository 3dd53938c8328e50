// Products of bfloat16, where the processor has them: the same network, in less time and with fewer digits.
import Aviary
import Foundation

let model = ResNet(.resnet18)
model.initialize(seed: 1)
let images = Tensor(normal: 0, deviation: 1, seed: 2, shape: [2, 3, 64, 64])

guard Precision.bfloat16.isAvailable else {
  print("this processor has no instructions for bfloat16")
  exit(0)
}
let full = model(images)
let logits = withPrecision(.bfloat16) { model(images) }
let distance = abs(logits - full).max().scalar / abs(full).max().scalar
print("the logits differ by \(distance) of the largest")
guard distance > 0, distance < 0.05 else { fatalError("the logits differ by \(distance)") }
