"""`python -m lane.kiosk`: what a lane starts beside itself; not for a person to start."""

from lane.kiosk.process import main

if __name__ == "__main__":
    main()
